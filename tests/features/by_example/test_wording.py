import pytest

from throughline.features.by_example.language import (
    Beside,
    Between,
    Case,
    Constant,
    Date,
    Edge,
    Keep,
    Offset,
    Pad,
    Piece,
    Program,
    Replace,
    Run,
    Split,
    Strip,
    Unpad,
    Whole,
)
from throughline.features.by_example.wording import in_words

START, END = Offset(count=0, origin="start"), Offset(count=0, origin="end")


@pytest.mark.parametrize(
    ("take", "words"),
    [
        (Whole(), "'x'"),
        (Split(delimiter="-", number=1), "the first piece of 'x' split at '-'"),
        (Split(delimiter=" ", number=-2), "the second from last piece of 'x' split at a space"),
        (Run(of="upper", number=-1), "the last run of capital letters in 'x'"),
        (Run(of="digits", number=4), "the 4th run of digits in 'x'"),
        (Between(start=START, end=Offset(count=1, origin="start")), "the first character of 'x'"),
        (Between(start=Offset(count=2, origin="end"), end=END), "the last 2 characters of 'x'"),
        (
            Between(start=Offset(count=4, origin="start"), end=Offset(count=6, origin="start")),
            "characters 5 to 6 of 'x'",
        ),
        (
            Between(start=Offset(count=4, origin="start"), end=END),
            "'x' from after the first 4 characters to the end",
        ),
        (
            Between(
                start=Beside(text=" ", number=-1, side="after"),
                end=Edge(of="digits", number=1, side="before"),
            ),
            "'x' from after the last space to before the first run of digits",
        ),
    ],
)
def test_what_is_taken_in_words(take, words):
    assert in_words(Program(parts=(Piece(column="x", take=take),))) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Case(to="title"), "with capitalised words"),
        (Replace(old=" ", new="_"), "with a space replaced by '_'"),
        (Replace(old=",", new=""), "without ','"),
        (Strip(), "without blanks around it"),
        (Keep(of="digits"), "with only its digits"),
        (Unpad(), "without leading zeros"),
        (Pad(width=3), "with zeros before it up to 3 characters"),
        (
            Date(read="%Y-%m-%d %H:%M", write="%a %H"),
            "read as a date (year-month-day hour:minute) and written as short name of the weekday, "
            "a space, hour",
        ),
    ],
)
def test_changes_in_words(change, words):
    piece = Piece(column="x", take=Whole(), changes=(change,))
    assert in_words(Program(parts=(piece,))) == f"'x' {words}"


def test_parts_follow_each_other():
    parts = (
        Piece(column="a b", take=Whole()),
        Constant(text=". "),
        Piece(column="c", take=Whole()),
    )
    assert in_words(Program(parts=parts)) == "'a b', then '. ', then 'c'"
