"""The pieces of a row that give a part of every output: the labels of the version space."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from throughline.features.by_example import cost
from throughline.features.by_example.changes import changes
from throughline.features.by_example.language import Date, Piece, Program, Split, Whole
from throughline.features.by_example.meaning import evaluate
from throughline.features.by_example.on_python import OnPython, Value
from throughline.features.by_example.takes import Texts, takes

Row = Mapping[str, str]
"""The texts of one row's columns."""

Values = tuple[Value, ...]
"""What a program gives for each row of the data."""

_MOST_TRIED = 24
_MOST_KEPT = 6


def pieces(inputs: Sequence[Row], outputs: Texts) -> dict[Texts, list[Piece]]:
    """The pieces by what they give for the examples; the simplest first.

    Args:
        inputs: The input columns of each example.
        outputs: The output of each example.
    """
    found: dict[Texts, list[Piece]] = defaultdict(list)
    for column in inputs[0]:
        for texts, alike in takes(tuple(row[column] for row in inputs), outputs).items():
            dates = any(isinstance(taken, Whole | Split) for taken in alike)
            for changed, results in changes(texts, outputs, dates):
                found[results] += [
                    Piece(column=column, take=taken, changes=changed) for taken in alike
                ]
    return {results: sorted(alike, key=_rank)[:_MOST_TRIED] for results, alike in found.items()}


def _rank(piece: Piece) -> tuple[float, str]:
    return cost.of_part(piece), piece.model_dump_json()


def told_apart(alike: Sequence[Piece], data: Sequence[Row]) -> list[tuple[Piece, Values]]:
    """The simplest of the pieces that give the same for all rows, and what they give.

    A date is kept beside them: with other parts of the same date it may become one piece.
    """
    kept: dict[tuple[Values, bool], Piece] = {}
    for piece in alike:
        kept.setdefault((values_of(piece, data), bool(date_of(piece))), piece)
    return [(piece, values) for (values, _), piece in kept.items()][:_MOST_KEPT]


def values_of(piece: Piece, data: Sequence[Row]) -> Values:
    """What a piece gives for each row."""
    program = Program(parts=(piece,))
    return tuple(evaluate(program, OnPython(row)) for row in data)


def date_of(part: object) -> Date | None:
    """The date that a piece rewrites, if that is all it does to what it takes."""
    if isinstance(part, Piece) and len(part.changes) == 1 and isinstance(part.changes[0], Date):
        return part.changes[0]
    return None
