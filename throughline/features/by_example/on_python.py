"""Programs in plain Python, one row at a time: for the search, and as the reference in tests."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from throughline.features.by_example.classes import BLANKS, LOWER, OF_PYTHON, UPPER

Value = str | None

_LETTERS_AND_REST = re.compile(
    f"{OF_PYTHON.inside['letters']}+|{OF_PYTHON.outside['letters']}+", re.DOTALL
)


@lru_cache(4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Python itself remembers fewer patterns than one search tries."""
    return re.compile(pattern)


class OnPython:
    """The operations on the texts of one row."""

    dialect = OF_PYTHON

    def __init__(self, row: Mapping[str, Value]) -> None:
        self._row = row

    def column(self, name: str) -> Value:
        """The row's text."""
        return self._row[name]

    def constant(self, text: str) -> Value:
        """The text itself."""
        return text

    def extract(self, text: Value, pattern: str, group: int = 1) -> Value:
        """By ``re``."""
        found = _compiled(pattern).search(text) if text is not None else None
        return found[group] if found else None

    def cut(self, text: Value, start: Value, end: Value) -> Value:
        """By slicing."""
        if text is None or start is None or end is None or len(end) < len(start):
            return None
        return text[len(start) : len(end)]

    def concatenate(self, texts: Sequence[Value]) -> Value:
        """By joining."""
        known = [text for text in texts if text is not None]
        return "".join(known) if len(known) == len(texts) else None

    def replace(self, text: Value, old: str, new: str) -> Value:
        """By ``str.replace``."""
        return None if text is None else text.replace(old, new)

    def remove(self, text: Value, pattern: str) -> Value:
        """By ``re.sub``."""
        return None if text is None else _compiled(pattern).sub("", text)

    def map_characters(self, text: Value, table: Mapping[str, str]) -> Value:
        """One character at a time."""
        return None if text is None else "".join([table.get(c, c) for c in text])

    def capitalise(self, text: Value) -> Value:
        """Runs of letters and what is between them, each with its first character raised."""
        if text is None:
            return None
        runs = _LETTERS_AND_REST.findall(text)
        return "".join(
            [UPPER.get(r[0], r[0]) + "".join([LOWER.get(c, c) for c in r[1:]]) for r in runs]
        )

    def strip(self, text: Value) -> Value:
        """By ``str.strip``."""
        return None if text is None else text.strip(BLANKS)

    def pad(self, text: Value, width: int) -> Value:
        """By ``str.rjust``."""
        return None if text is None else text.rjust(width, "0")

    def look_up(self, text: Value, table: Mapping[str, str]) -> Value:
        """By the table itself."""
        return None if text is None else table.get(text)

    def weekday(self, date: Value) -> Value:
        """By ``datetime``."""
        try:
            return None if date is None else f"{dt.date.fromisoformat(date).isoweekday():02}"
        except ValueError:
            return None
