"""The key of a step: everything its result depends on, in named parts, and one digest of all."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Parts = dict[str, dict[str, str]]
_LISTED = 3
"""So many names of a changed part are told; a table's cell holds no more."""


class NotSeenError(Exception):
    """What a key is made of cannot be looked at from here, though it may be there."""


@dataclass(frozen=True)
class Key:
    """What a step's result depends on.

    Attributes:
        step: The entry point.
        parts: By the part's name, what is in it by name: the parameters, the recipe's parts, the
            code's files, the environment, the data's fingerprints and the keys of the inputs.
    """

    step: str
    parts: Parts

    @property
    def digest(self) -> str:
        """The same for equal keys only."""
        return _digest([self.step, self.parts])

    @property
    def code(self) -> str:
        """The same for equal code in equal environments only."""
        return _digest([self.parts.get("code"), self.parts.get("environment")])

    def differences(self, other: Parts) -> str:
        """Which parts differ from those of another key of the step, for people."""
        told = []
        for part in dict.fromkeys([*self.parts, *other]):
            mine, theirs = self.parts.get(part, {}), other.get(part, {})
            names = [n for n in sorted(mine | theirs) if mine.get(n) != theirs.get(n)]
            if names:
                more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
                told.append(f"{part} changed: {', '.join(names[:_LISTED])}{more}")
        return "; ".join(told)


def _digest(told: Any) -> str:
    text = json.dumps(told, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def typed_values(
    given: Mapping[str, Any], declared: Mapping[str, Any], without: frozenset[str] = frozenset()
) -> dict[str, str]:
    """The parameters of an entry point as text that is the same for equal values.

    Args:
        given: Values, as text or not.
        declared: The entry point's parameters as MLproject has them: types and defaults.
        without: Those that are left out.
    """
    values = {}
    for name, declaration in declared.items():
        says = declaration if isinstance(declaration, dict) else {"type": declaration}
        value = given.get(name, says.get("default"))
        if name not in without and value is not None:
            values[name] = _text(value, str(says.get("type", "string")))
    return values


def _text(value: Any, kind: str) -> str:
    if kind in ("float", "int"):
        try:
            return repr(float(value))
        except ValueError:
            return str(value)
    return str(value)
