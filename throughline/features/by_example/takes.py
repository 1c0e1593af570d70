"""What can be taken from the texts of some examples in the same way."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import get_args

from throughline.features.by_example import cost
from throughline.features.by_example.language import (
    Beside,
    Between,
    CharacterClass,
    Edge,
    Offset,
    Position,
    Run,
    Side,
    Split,
    Take,
    Whole,
)
from throughline.features.by_example.meaning import take
from throughline.features.by_example.on_python import OnPython, Value
from throughline.features.by_example.patterns import prefix

Texts = tuple[str, ...]
"""One text for each example."""

_ENGINE = OnPython({})
_CLASSES: tuple[CharacterClass, ...] = get_args(CharacterClass)
_SIDES: tuple[Side, ...] = ("before", "after")
_NUMBERS = tuple(sign * number for number in range(1, 7) for sign in (1, -1))
_MOST_MARKS = 12
_MOST_OFFSETS = 40
_MOST_ALIKE = 8
_MOST_PLACES = 120


def takes(texts: Texts, outputs: Texts) -> dict[Texts, list[Take]]:
    """What can be taken from every text, by what that gives; the simplest first, a few of each.

    Args:
        texts: The input of each example, of one column.
        outputs: The output of each example; slices that it cannot hold are left out.
    """
    found: dict[Texts, list[Take]] = defaultdict(list)
    for taken in _simple(texts):
        results = _known([take(text, taken, _ENGINE) for text in texts])
        if results and any(results):
            found[results].append(taken)
    for slices, taken in _slices(texts, outputs):
        found[slices].append(taken)
    return {r: sorted(alike, key=_rank)[:_MOST_ALIKE] for r, alike in found.items()}


def _known(results: Sequence[Value]) -> Texts | None:
    """The results, if none of them is null."""
    known = tuple(result for result in results if result is not None)
    return known if len(known) == len(results) else None


def _rank(taken: Take) -> tuple[float, str]:
    return cost.of_take(taken), taken.model_dump_json()


def _simple(texts: Texts) -> Iterator[Take]:
    yield Whole()
    for mark, number in product(_marks(texts), _NUMBERS):
        yield Split(delimiter=mark, number=number)
    for of, number in product(_CLASSES, _NUMBERS):
        yield Run(of=of, number=number)


def _marks(texts: Texts) -> list[str]:
    """Characters, and short runs of them, that are neither letters nor digits."""
    runs = [run for text in texts for run in re.findall(r"[^\w]+|_+", text)]
    short = [run for run in runs if 1 < len(run) <= 3]
    return list(dict.fromkeys([*"".join(runs), *short]))[:_MOST_MARKS]


def _keys(texts: Texts) -> list[str]:
    """Words that stand before a value in every text, such as ``user=``."""
    found = [re.findall(r"\b[A-Za-z_]+[=:] ?", text) for text in texts]
    return [key for key in dict.fromkeys(found[0]) if all(key in keys for keys in found)]


def _positions(texts: Texts) -> Iterator[Position]:
    for count in range(min(_MOST_OFFSETS, *map(len, texts)) + 1):
        yield Offset(count=count, origin="start")
        yield Offset(count=count, origin="end")
    for of, number, side in product(_CLASSES, _NUMBERS, _SIDES):
        yield Edge(of=of, number=number, side=side)
    for mark, number, side in product([*_marks(texts), *_keys(texts)], _NUMBERS, _SIDES):
        yield Beside(text=mark, number=number, side=side)


def _places(texts: Texts) -> dict[tuple[int, ...], list[Position]]:
    """The positions that every text has, by where they are; the simplest first, a few of each."""
    found: dict[tuple[int, ...], list[Position]] = defaultdict(list)
    for position in _positions(texts):
        pattern = prefix(position, _ENGINE.dialect)
        before = _known([_ENGINE.extract(text, pattern) for text in texts])
        if before:
            found[tuple(map(len, before))].append(position)
    simplest = {
        place: sorted(alike, key=cost.of_position)[:_MOST_ALIKE] for place, alike in found.items()
    }
    first = sorted(simplest, key=lambda place: cost.of_position(simplest[place][0]))
    return {place: simplest[place] for place in first[:_MOST_PLACES]}


def _slices(texts: Texts, outputs: Texts) -> Iterator[tuple[Texts, Take]]:
    places = _places(texts)
    wanted = [_core(output) for output in outputs]
    for (starts, first), (ends, last) in product(places.items(), repeat=2):
        results = _between(texts, starts, ends)
        if results and _plausible(results, wanted):
            for start, end in product(first, last):
                yield results, Between(start=start, end=end)


def _between(texts: Texts, starts: Sequence[int], ends: Sequence[int]) -> Texts | None:
    if any(start >= end for start, end in zip(starts, ends, strict=True)):
        return None
    return tuple(text[a:b] for text, a, b in zip(texts, starts, ends, strict=True))


def _plausible(results: Texts, wanted: Iterable[str]) -> bool:
    """Whether the outputs hold the letters and digits, in any case and with anything between."""
    pairs = zip(results, wanted, strict=True)
    return all(_core(result) in output for result, output in pairs) and any(map(_core, results))


def _core(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum() or ord(c) > 127)
