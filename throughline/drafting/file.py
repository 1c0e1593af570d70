"""The file that a draft goes to."""

from pathlib import Path

from throughline.errors import UserError


def new_recipe_file(path: str) -> Path:
    """The path of a recipe that is not there yet, its folder made.

    Raises:
        UserError: If there is such a file, or it cannot be written.
    """
    file = Path(path)
    if file.exists():
        raise UserError(f"The recipe {path} is there already; give another name, or remove it.")
    if file.suffix not in (".yaml", ".yml"):
        raise UserError(f"The recipe {path} must end in .yaml.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()  # so that it is known now, and not after the table was read
        file.unlink()
    except OSError as error:
        raise UserError(f"The recipe {path} cannot be written: {error.strerror}.") from None
    return file
