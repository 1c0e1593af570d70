"""Putting what is written of one date into one format: year, dash and month become year-month."""

from throughline.features.by_example.language import Constant, Date, Part, Piece, Program
from throughline.features.by_example.pieces import date_of


def merged(program: Program) -> Program:
    """The same program, with parts of the same date that follow each other in one piece."""
    parts: list[Part] = []
    for part in program.parts:
        constant = parts[-1].text if parts and isinstance(parts[-1], Constant) else ""
        before = parts[:-1] if constant else parts
        joined = _joined(before[-1], constant, part) if before else None
        parts = [*before[:-1], joined] if joined else [*parts, part]
    return Program(parts=tuple(parts))


def _joined(first: Part, constant: str, second: Part) -> Piece | None:
    """Both pieces and the text between them as one, if they rewrite the same date."""
    if not isinstance(first, Piece) or not isinstance(second, Piece) or "%" in constant:
        return None
    one, other = date_of(first), date_of(second)
    same = (first.column, first.take) == (second.column, second.take)
    if not one or not other or not same or one.read != other.read:
        return None
    write = f"{one.write}{constant}{other.write}"
    return first.model_copy(update={"changes": (Date(read=one.read, write=write),)})
