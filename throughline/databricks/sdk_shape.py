"""Checks JSON against a dataclass of databricks-sdk, which itself drops unknown keys silently."""

import json
from dataclasses import is_dataclass
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from throughline.strict import nearest


def first_mistake(kind: Any, value: Any, where: str = "") -> str | None:
    """Finds the first value that the service would not take.

    Args:
        kind: The type it should have: a dataclass of ``databricks.sdk.service``, or a field's type.
        value: Parsed JSON.
        where: The keys that lead to the value, with dots between.

    Returns:
        What is wrong and where, without a full stop; None if nothing is.
    """
    if options := [option for option in get_args(kind) if option is not NoneType]:
        if get_origin(kind) is dict:
            return _in_dict(options[1], value, where)
        if get_origin(kind) is list:
            return _in_list(options[0], value, where)
        return first_mistake(options[0], value, where)  # Optional
    if is_dataclass(kind):
        return _in_object(kind, value, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        known = [str(member.value) for member in kind]
        return (
            None if value in known else f"{where} is {_shown(value)}; {nearest(str(value), known)}"
        )
    if kind in (str, int, float, bool) and not _is(kind, value):
        names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
        return f"{where} is {_shown(value)} and should be {names[kind]}"
    return None


def _in_object(kind: Any, value: Any, where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where or 'it'} is {_shown(value)} and should be an object with keys"
    hints = get_type_hints(kind)
    for key, inner in value.items():
        if key not in hints:
            return f"the key {_below(where, key)!r} is unknown; {nearest(key, hints)}"
        if mistake := first_mistake(hints[key], inner, _below(where, key)):
            return mistake
    return None


def _in_dict(kind: Any, value: Any, where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where} is {_shown(value)} and should be an object with keys"
    found = (first_mistake(kind, inner, _below(where, key)) for key, inner in value.items())
    return next(filter(None, found), None)


def _in_list(kind: Any, value: Any, where: str) -> str | None:
    if not isinstance(value, list):
        return f"{where} is {_shown(value)} and should be a list"
    found = (first_mistake(kind, inner, f"{where}[{at}]") for at, inner in enumerate(value))
    return next(filter(None, found), None)


def _is(kind: type, value: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
