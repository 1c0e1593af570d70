"""Settings that stand in the environment, for those who run the project and not for a recipe."""

import os

from throughline.errors import UserError

POLL_SECONDS = "THROUGHLINE_POLL_SECONDS"
"""The time between two looks at what runs elsewhere."""


def number_in(setting: str, default: float) -> float:
    """A setting that is a number above 0.

    Raises:
        UserError: It is none.
    """
    text = os.environ.get(setting, str(default))
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UserError(f"{setting} is {text!r}; set it to a number above 0, or not at all.")
    return value
