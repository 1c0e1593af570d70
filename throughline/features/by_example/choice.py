"""Choosing among the programs that explain the examples, by what they do to the data."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from throughline.features.by_example.pieces import Row
from throughline.features.by_example.search import Found

_MARGIN = 1
"""A program that costs more than this above the simplest is not meant; twice that if there is only
one example."""

_NOTHING = 10
"""What a program costs more if it gives nothing for any row; in proportion if for some."""


class Doubt(NamedTuple):
    """Two programs that are as likely, and a row for which they give different texts."""

    readings: tuple[Found, Found]
    row: Row
    results: tuple[str, str]


def ranked(found: Sequence[Found]) -> list[Found]:
    """The programs, most likely first."""
    return sorted(found, key=lambda each: (_rank(each), each.program.model_dump_json()))


def missed(found: Found) -> float:
    """The share of the rows for which a program gives nothing."""
    return sum(not value for value in found.values) / max(1, len(found.values))


def _rank(found: Found) -> float:
    return found.cost + _NOTHING * missed(found)


def doubt(found: Sequence[Found], data: Sequence[Row], examples: int) -> Doubt | None:
    """What speaks against taking the first of the ranked programs: the next likely one.

    A row for which one of them gives nothing does not count: the other one reaches further.

    Args:
        found: The ranked programs.
        data: The rows that their values belong to.
        examples: How many examples they explain.
    """
    best = found[0]
    most = _rank(best) + (_MARGIN if examples > 1 else 2 * _MARGIN)
    for other in found[1:]:
        if _rank(other) <= most:
            differing = sorted(_differing(best, other), key=lambda at: _shortest(data[at]))
            for at in differing[:1]:
                return Doubt((best, other), data[at], (str(best.values[at]), str(other.values[at])))
    return None


def _differing(one: Found, other: Found) -> Iterator[int]:
    for at, (left, right) in enumerate(zip(one.values, other.values, strict=True)):
        if left and right and left != right:
            yield at


def _shortest(row: Row) -> tuple[int, tuple[str, ...]]:
    texts = tuple(row.values())
    return sum(map(len, texts)), texts
