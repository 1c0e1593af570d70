"""The search space of a recipe: distributions by Hyperopt's names, and choices that may nest."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union

from throughline.strict import nearest

KINDS = {
    "randint": (1, 2),
    "uniform": (2,),
    "quniform": (3,),
    "loguniform": (2,),
    "qloguniform": (3,),
    "normal": (2,),
    "lognormal": (2,),
}
"""How many numbers each distribution takes."""

FAMILY = "family"
"""The parameter that names the model family, where the space has several."""


@dataclass(frozen=True)
class Distribution:
    """Numbers to draw from.

    The bounds of ``loguniform`` and ``qloguniform`` are values, as one reads them, and not their
    logarithms; everything else is as Hyperopt's documentation has it ("Defining a search space").

    Attributes:
        label: Unique in the space.
        kind: One of :data:`KINDS`.
        numbers: Its arguments.
    """

    label: str
    kind: str
    numbers: tuple[float, ...]

    @property
    def whole(self) -> bool:
        """Whether what is drawn is a whole number: Hyperopt itself gives floats for steps of 1."""
        steps = self.kind in ("randint", "quniform", "qloguniform")
        return steps and all(isinstance(number, int) for number in self.numbers)


@dataclass(frozen=True)
class Choice:
    """Options to choose from.

    Attributes:
        label: Unique in the space.
        options: Values, distributions, or spaces of their own, which add their parameters.
    """

    label: str
    options: tuple["Option", ...]


Space = dict[str, "Option"]
"""What stands for each parameter; the name of a choice among spaces is only a label."""

Option = Union[Distribution, Choice, Space, Any]  # noqa: UP007 (Space is named as a text)

Draw = Callable[[Distribution | Choice], Any]
"""Draws a number from a distribution, or the place of an option of a choice."""


def parse_space(said: Mapping[str, Any]) -> Space:
    """Reads a recipe's space.

    Raises:
        ValueError: If a distribution is not known, or its arguments cannot be.
    """
    if not said:
        raise ValueError("the space is empty; give it a parameter, as in {x: {uniform: [0, 1]}}")
    return {name: _node(name, one, name) for name, one in said.items()}


def resolve(space: Space, draw: Draw) -> dict[str, Any]:
    """The parameters that one walk through the space draws; only what is chosen is drawn."""
    found: dict[str, Any] = {}
    for name, node in space.items():
        value = _value(node, draw)
        found |= value if isinstance(value, dict) else {name: value}
    return found


def combinations(space: Space) -> list[dict[str, Any]]:
    """The sets of parameters that walks can lead to: fixed values, and None for what is drawn."""
    each = [list(_outcomes(name, node)) for name, node in space.items()]
    return [
        {name: value for part in parts for name, value in part.items()}
        for parts in itertools.product(*each)
    ]


def _outcomes(name: str, node: Option) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield from combinations(node)
    elif isinstance(node, Choice):
        apart = [o for o in node.options if isinstance(o, dict | Choice) or name == FAMILY]
        for option in apart:
            yield from _outcomes(name, option)
        if len(apart) < len(node.options):
            yield {name: None}
    else:
        yield {name: None if isinstance(node, Distribution) else node}


def _value(node: Option, draw: Draw) -> Any:
    if isinstance(node, Choice):
        return _value(node.options[draw(node)], draw)
    if isinstance(node, Distribution):
        return draw(node)
    return resolve(node, draw) if isinstance(node, dict) else node


def _node(name: str, said: Any, label: str) -> Distribution | Choice:
    if not isinstance(said, Mapping) or len(said) != 1:
        raise ValueError(
            f"the space of {name!r} must be one distribution, as in {{uniform: [0, 1]}}"
        )
    ((kind, arguments),) = said.items()
    if kind not in (*KINDS, "choice"):
        raise ValueError(
            f"the space of {name!r} has an unknown distribution {kind!r}; "
            f"{nearest(str(kind), (*KINDS, 'choice'))}"
        )
    if not isinstance(arguments, list) or not arguments:
        raise ValueError(f"the space of {name!r} must give {kind} a list of values")
    if kind == "choice":
        return Choice(
            label, tuple(_option(name, o, f"{label}.{i}") for i, o in enumerate(arguments))
        )
    _check_numbers(name, kind, arguments)
    return Distribution(label, kind, tuple(arguments))


def _option(name: str, said: Any, label: str) -> Option:
    """An option of a choice: a distribution if its only key names one, else a space or a value."""
    if not isinstance(said, Mapping):
        return said
    if len(said) == 1 and next(iter(said)) in (*KINDS, "choice"):
        return _node(name, said, label)
    return {
        inner: _node(inner, one, f"{label}.{inner}") if isinstance(one, Mapping) else one
        for inner, one in said.items()
    }


def _check_numbers(name: str, kind: str, numbers: list[Any]) -> None:
    if len(numbers) not in KINDS[kind]:
        raise ValueError(
            f"the space of {name!r} gives {kind} {len(numbers)} numbers, which is not how many it "
            "takes"
        )
    if not all(type(n) in (int, float) and math.isfinite(n) for n in numbers):
        raise ValueError(f"the space of {name!r} must give {kind} numbers, not {numbers}")
    if kind == "randint" and not all(isinstance(number, int) for number in numbers):
        raise ValueError(f"the space of {name!r} must give randint whole numbers, not {numbers}")
    if kind == "randint" and len(numbers) == 1 and numbers[0] < 1:
        raise ValueError(f"the space of {name!r} must give randint a bound above 0")
    if "normal" in kind:
        if numbers[1] <= 0:
            raise ValueError(f"the deviation of {name!r} is {numbers[1]}; it must be above 0")
        return
    if len(numbers) > 1 and numbers[0] >= numbers[1]:
        raise ValueError(
            f"the bounds of {name!r} are upside down: {numbers[0]} is not below {numbers[1]}"
        )
    if kind.endswith("loguniform") and numbers[0] <= 0:
        raise ValueError(
            f"the bounds of {name!r} are {numbers[0]} and {numbers[1]}; those of a log "
            "distribution are values above 0, not logarithms"
        )
    if len(numbers) > 2 and numbers[2] <= 0:
        raise ValueError(f"the step of {name!r} is {numbers[2]}; it must be above 0")
