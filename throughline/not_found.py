"""Whether an error says that something is not there. Any other is trouble, and no answer."""


def is_not_found(error: Exception) -> bool:
    """Whether what was asked for is not there: an error of MLflow, of HTTP or of a disk."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return True
    code = getattr(error, "error_code", "")
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND") or status == 404
