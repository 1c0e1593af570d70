import pytest

from throughline.features.by_example import cost
from throughline.features.by_example.language import (
    Beside,
    Between,
    Constant,
    Date,
    Offset,
    Piece,
    Program,
    Run,
    Split,
    Whole,
)

START, END = Offset(count=0, origin="start"), Offset(count=0, origin="end")
FIRST_TWO = Between(start=START, end=Offset(count=2, origin="start"))
MIDDLE = Between(start=Offset(count=4, origin="start"), end=Offset(count=6, origin="start"))


def of(*parts):
    return cost.of_program(Program(parts=parts))


def piece(take, *changes):
    return Piece(column="a", take=take, changes=changes)


@pytest.mark.parametrize(
    ("simple", "less_simple"),
    [
        (Whole(), Run(of="letters", number=1)),
        (Split(delimiter="-", number=1), FIRST_TWO),
        (Run(of="digits", number=1), FIRST_TWO),
        (Run(of="digits", number=1), Run(of="digits", number=3)),
        (FIRST_TWO, MIDDLE),
        (Between(start=START, end=Beside(text="-", number=1, side="before")), MIDDLE),
        (FIRST_TWO, Between(start=START, end=Offset(count=12, origin="start"))),
    ],
)
def test_general_costs_less_than_literal(simple, less_simple):
    assert of(piece(simple)) < of(piece(less_simple))


def test_few_parts_cost_less_than_many_and_letters_in_the_program_most():
    assert of(piece(Whole())) < of(piece(FIRST_TWO), piece(MIDDLE))
    assert of(Constant(text="-")) < of(piece(FIRST_TWO)) < of(Constant(text="a"))
    assert of(Constant(text=". ")) < of(Constant(text="a"))


def test_a_date_is_written_with_its_zeros_rather_than_without():
    padded, unpadded = (Date(read="%Y-%m-%d", write=w) for w in ("%d", "%-d"))
    assert of(piece(Whole(), padded)) + 2 < of(piece(Whole(), unpadded))
