"""What a program means, in Python: what is taken, what a change does."""

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
from throughline.features.by_example.meaning import evaluate
from throughline.features.by_example.on_python import OnPython


@pytest.mark.parametrize(
    ("take", "text", "wanted"),
    [
        (Split(delimiter="-", number=1), "737-824", "737"),
        (Split(delimiter="-", number=1), "A320", "A320"),
        (Split(delimiter="-", number=2), "A320", None),
        (Split(delimiter="-", number=-2), "a-b--c", ""),
        (Split(delimiter="-", number=-4), "a-b--c", "a"),
        (Split(delimiter="-", number=-5), "a-b--c", None),
        (Split(delimiter=".", number=2), "a.b", "b"),
        (Run(of="digits", number=2), "a1b22c", "22"),
        (Run(of="digits", number=-2), "a1b22c", "1"),
        (Run(of="letters", number=1), "12", None),
        (Run(of="letters", number=-1), "1 Müller", "Müller"),
        (Run(of="upper", number=-1), "McDONald", "DON"),
        (Run(of="whitespace", number=1), "a \t\u00a0b", " \t"),
    ],
)
def test_what_is_taken(take, text, wanted):
    piece = Piece(column="a", take=take)
    assert evaluate(Program(parts=(piece,)), OnPython({"a": text})) == wanted


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        (Offset(count=2, origin="end"), Offset(count=0, origin="end"), "3]"),
        (Offset(count=9, origin="start"), Offset(count=0, origin="end"), None),
        (Offset(count=3, origin="start"), Offset(count=1, origin="start"), None),
        (Beside(text="[", number=1, side="after"), Beside(text="]", number=1, side="before"), "b"),
        (Beside(text="[", number=-1, side="before"), Offset(count=0, origin="end"), "[23]"),
        (Edge(of="digits", number=1, side="after"), Edge(of="digits", number=-1, side="before"),
         "[b]["),
    ],
)  # fmt: skip
def test_what_is_between(start, end, wanted):
    piece = Piece(column="a", take=Between(start=start, end=end))
    assert evaluate(Program(parts=(piece,)), OnPython({"a": "1[b][23]"})) == wanted


@pytest.mark.parametrize(
    ("change", "text", "wanted"),
    [
        (Case(to="title"), "jean-LUC o'neil élan", "Jean-Luc O'Neil Élan"),
        (Case(to="upper"), "straße ǆ 𝔸é", "STRAßE Ǆ 𝔸É"),
        (Case(to="lower"), "İSTANBUL ΣΑΣ", "İstanbul σασ"),
        (Replace(old=".", new="$1"), "a.b", "a$1b"),
        (Replace(old="aa", new="b"), "aaa", "ba"),
        (Keep(of="digits"), "+1 (555) ٣", "1555"),
        (Strip(), " \n a b\t\u00a0", "a b\t\u00a0"),
        (Unpad(), "007", "7"),
        (Unpad(), "000", "0"),
        (Unpad(), "", None),
        (Pad(width=3), "7", "007"),
        (Pad(width=3), "1234", "1234"),
        (Date(read="%Y-%m-%d %H:%M", write="%a %H"), "2013-01-01 05:00", "Tue 05"),
        (Date(read="%d/%m/%Y", write="%A %-d %B, Q%q"), "29/2/2012", "Wednesday 29 February, Q1"),
        (Date(read="%d %b %Y", write="%Y%m%d"), "5 Mar 2013", "20130305"),
        (Date(read="%Y-%m-%d", write="%Y"), "2013-02-29", None),
        (Date(read="%Y%m%d", write="%m"), "2013111", None),
        (Date(read="%Y-%m-%d", write="%Y"), "2013-01-01\n", None),
    ],
)  # fmt: skip
def test_what_a_change_does(change, text, wanted):
    piece = Piece(column="a", take=Whole(), changes=(change,))
    assert evaluate(Program(parts=(piece,)), OnPython({"a": text})) == wanted


def test_a_missing_input_gives_nothing():
    parts = (Piece(column="a", take=Whole()), Constant(text="-"), Piece(column="b", take=Whole()))
    assert evaluate(Program(parts=parts), OnPython({"a": "x", "b": "y"})) == "x-y"
    assert evaluate(Program(parts=parts), OnPython({"a": "x", "b": None})) is None
