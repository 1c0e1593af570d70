"""The options of a target: ``-P target_options=compute=my-cluster,replicas=2``."""

from typing import TypeVar

from pydantic import ValidationError

from throughline.errors import UserError
from throughline.strict import Strict

NONE = "none"
"""What stands for no options on a command line."""

Options = TypeVar("Options", bound=Strict)


def read_options(text: str, kind: type[Options], target: str) -> Options:
    """Reads the options that a target takes.

    Args:
        text: ``key=value`` with commas between, or ``none``.
        kind: The options that there are, with their types and defaults.
        target: The target's name, for sentences.

    Raises:
        UserError: A key is unknown, is there twice or is missing; a value is not of its type.
    """
    given: dict[str, str] = {}
    for pair in text.split(",") if text not in (NONE, "") else ():
        key, equals, value = pair.partition("=")
        if not equals or not key or key in given:
            raise UserError(
                f"target_options has {pair!r}; give each option once, as key=value with commas "
                "between."
            )
        given[key] = value
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise UserError(f"The target {target}: {_told(error)}.") from None


def refuse_options(text: str, target: str) -> None:
    """Refuses options of a target that takes none.

    Raises:
        UserError: There are some.
    """
    if text not in (NONE, ""):
        raise UserError(f"The target {target} takes no options; leave target_options out.")


def _told(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"it needs {key}; give it as -P target_options={key}=VALUE"
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"the option {key} is {first['input']!r}: {message}" if key else message
