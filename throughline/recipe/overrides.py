"""Overriding single values of a recipe, as in ``split.validation=0.2,models.0.family=network``."""

import re
from copy import copy
from dataclasses import dataclass
from typing import Any

from throughline.errors import UserError
from throughline.recipe.yaml12 import scalar

NONE = "none"

_PLAIN = re.compile(r"[A-Za-z0-9_./:@=,+-]*")


@dataclass(frozen=True)
class Override:
    """One value to put in the place of another.

    Attributes:
        text: How it was written.
        path: The keys that lead to the value; a number counts in a list, from 0.
        value: The new value.
    """

    text: str
    path: tuple[str, ...]
    value: Any

    def put_into(self, recipe: dict[Any, Any]) -> None:
        """Puts the value into a recipe's data; what is not there on the way is made.

        Raises:
            UserError: If the path leads into a single value, or past a list's end.
        """
        place: Any = recipe
        *way, last = self.path
        for i, key in enumerate(way):
            slot = self._slot(place, key, i)
            known = place.get(slot) if isinstance(place, dict) else place[slot]
            place[slot] = {} if known is None else copy(known)  # an alias elsewhere stays as it is
            place = place[slot]
        place[self._slot(place, last, len(way))] = self.value

    def _slot(self, place: Any, key: str, depth: int) -> str | int:
        where = ".".join(self.path[:depth])
        if isinstance(place, dict):
            return key
        if not isinstance(place, list):
            raise UserError(
                f"The override {self.text} (set) leads into {where}, which the recipe has as "
                f"{place!r}; name a key that it has."
            )
        if not key.isdecimal() or int(key) >= len(place):
            raise UserError(
                f"The override {self.text} (set) leads to {key!r} in the list {where}, whose "
                f"{len(place)} entries are counted from 0."
            )
        return int(key)


def parse_overrides(text: str) -> list[Override]:
    """Reads overrides from a command line's word; ``none`` means none.

    Several are separated by commas. A value is read as it would be in the recipe's file.

    Raises:
        UserError: If one is no ``key=value``, has other characters than a command line carries
            everywhere, or a key stands twice.
    """
    if text == NONE:
        return []
    found: dict[tuple[str, ...], Override] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        path = tuple(key.split("."))
        if not _PLAIN.fullmatch(part):
            raise UserError(
                f"The override {part!r} (set) has other characters than letters, digits and "
                "_ . / : @ = + -; write this value into the recipe."
            )
        if not equals or not value or not all(path):
            raise UserError(
                f"The override {part!r} (set) must be key=value, as in split.validation=0.2; "
                "several are separated by commas."
            )
        if path in found:
            raise UserError(f"The override {part} (set) comes after {found[path].text}; keep one.")
        found[path] = Override(part, path, scalar(value))
    return list(found.values())


def behind(overrides: list[Override], keys: list[Any]) -> str:
    """The overrides that may have led to a mistake at ``keys``, for a message."""
    at = tuple(map(str, keys))
    near = [o for o in overrides if o.path[: len(at)] == at or at[: len(o.path)] == o.path]
    return ",".join(override.text for override in near or overrides)
