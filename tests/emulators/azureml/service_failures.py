"""What goes wrong with web services, as the workspace words it."""

from typing import Any

from tests.emulators.server import Answer, Refused


def mistake(code: str, message: str) -> Answer:
    """What a validation answers: no error of HTTP, and the SDK raises what it says."""
    return Answer.of({"error": {"code": code, "statusCode": 400, "message": message}})


def refused(status: int, code: str, message: str) -> Refused:
    inner = {"code": code, "message": message}
    told = {"code": code, "statusCode": status, "message": "The request is invalid."}
    return Refused(Answer.of({**told, "details": [inner], "correlation": {}}, status))


def exists(name: str) -> str:
    return (
        f"Service {name} with the same name already exists, please use a different service name or "
        "delete the existing service."
    )


def unavailable(compute: str) -> dict[str, Any]:
    if compute == "ACI":
        message = (
            "The requested resource is not available in the location 'westeurope' at this moment. "
            "Please retry with a different resource request or in another location."
        )
        return _failure("AciDeploymentFailed", "ServiceUnavailable", message)
    message = (
        "Couldn't schedule because the kubernetes cluster didn't have available resources after "
        "trying for 00:05:00."
    )
    return _failure("KubernetesDeploymentFailed", "Unschedulable", message)


def crashed() -> dict[str, Any]:
    message = (
        "Your container application crashed. This may be caused by errors in your scoring file's "
        "init() function."
    )
    return _failure("DeploymentFailed", "CrashLoopBackOff", message)


def _failure(code: str, inner: str, message: str) -> dict[str, Any]:
    told = {"code": code, "statusCode": 400, "message": f"Deployment failed. {message}"}
    return {**told, "details": [{"code": inner, "message": message}]}
