"""How simple a program is: the lower its cost, the more likely it is what the user means.

General beats literal: a piece of a split or a run of a class costs less than fixed positions, few
parts less than many, and letters and digits written into the program cost most.
"""

from throughline.features.by_example.dates import WRITE, tokens
from throughline.features.by_example.language import (
    Case,
    Change,
    Constant,
    Date,
    Edge,
    Keep,
    Offset,
    Pad,
    Part,
    Position,
    Program,
    Replace,
    Run,
    Split,
    Strip,
    Take,
    Unpad,
    Whole,
)

_PART = 2
_LITERAL = 8
_CLASS = {"digits": 0, "letters": 0, "alphanumeric": 1, "upper": 1, "lower": 2, "whitespace": 1}
_CHANGES = {Case: 1, Strip: 1, Unpad: 2, Pad: 3, Keep: 4}


def of_program(program: Program) -> float:
    """The cost of all parts."""
    return sum(of_part(part) for part in program.parts)


def of_part(part: Part) -> float:
    """The cost of one part, with that of having one more part."""
    if isinstance(part, Constant):
        return _PART + _of_literal(part.text)
    return _PART + of_take(part.take) + sum(_of_change(change) for change in part.changes)


def of_take(take: Take) -> float:
    """The cost of what is taken."""
    if isinstance(take, Whole):
        return 0
    if isinstance(take, Split):
        return 2 + _of_number(take.number)
    if isinstance(take, Run):
        return 2 + _of_number(take.number) + _CLASS[take.of]
    return 2 + of_position(take.start) + of_position(take.end)


def of_position(position: Position) -> float:
    """The cost of a position; the ends of the text are free."""
    if isinstance(position, Offset):
        return 3 + position.count // 4 if position.count else 0
    if isinstance(position, Edge):
        return 2 + _of_number(position.number) + _CLASS[position.of]
    return 1 + _of_number(position.number)


def _of_number(number: int) -> float:
    """Counting far is less likely; from the end is a little less so than from the start."""
    return (abs(number) + 1) / 2 + (0.25 if number < 0 else 0)


def _of_literal(text: str) -> float:
    return sum(_LITERAL if c.isalnum() else 1 for c in text)


def _of_token(token: str) -> float:
    """Dates are mostly written with their zeros."""
    if token in WRITE:
        return 4 if token.startswith("%-") else 1
    return _of_literal(token)


def _of_change(change: Change) -> float:
    if isinstance(change, Date):
        return 3 + sum(map(_of_token, tokens(change.write)))
    if isinstance(change, Replace):
        return 5 + _of_literal(change.new)
    return _CHANGES[type(change)]
