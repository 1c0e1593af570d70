import pytest

from throughline.errors import UserError
from throughline.features.by_example.language import Date, Piece, Program, Run, Split, Whole
from throughline.features.by_example.meaning import evaluate
from throughline.features.by_example.on_python import OnPython
from throughline.features.by_example.search import search


def rows(*texts):
    return [{"x": text} for text in texts]


def simplest(inputs, outputs, data=()):
    return min(search(rows(*inputs), tuple(outputs), rows(*data)), key=lambda found: found.cost)


def test_the_simplest_program_is_found():
    split = Program(parts=(Piece(column="x", take=Split(delimiter="-", number=1)),))
    assert simplest(["737-824", "A320-232"], ["737", "A320"]).program == split
    date = Piece(column="x", take=Whole(), changes=(Date(read="%Y-%m-%d %H:%M", write="%a %H"),))
    assert simplest(["2013-01-01 05:00"], ["Tue 05"]).program == Program(parts=(date,))


def test_every_program_found_explains_every_example():
    examples = {"Ada Lovelace": "A. Lovelace", "Alan Mathison Turing": "A. Turing"}
    found = search(rows(*examples), tuple(examples.values()), rows(*examples))
    assert len(found) > 1
    for each in found:
        given = tuple(evaluate(each.program, OnPython(row)) for row in rows(*examples))
        assert given == tuple(examples.values()) == each.values


def test_the_data_tell_programs_apart():
    """Pieces that give the same everywhere count once: the simplest of them."""
    data = ["A320-232", "EMB-145LR", "172N"]
    found = search(rows("737-824"), ("737",), rows(*data))
    values = {each.program: each.values for each in found}
    split, run = (
        Program(parts=(Piece(column="x", take=take),))
        for take in (Split(delimiter="-", number=1), Run(of="digits", number=1))
    )
    assert values[split] == ("A320", "EMB", "172N")
    assert values[run] == ("320", "145", "172")
    assert len(set(values.values())) == len(found)


def test_the_same_search_gives_the_same_programs():
    once, again = (search(rows("a-b_c"), ("B c",), rows("d-e_f", "g")) for _ in range(2))
    assert once == again


def test_several_columns_and_names_of_any_kind():
    row = {"odd `na.me": "Ada", "时": "Lovelace"}
    found = min(search([row], ("LOVELACE, Ada",), [row]), key=lambda each: each.cost)
    assert [getattr(part, "column", None) for part in found.program.parts] == [
        "时",
        None,
        "odd `na.me",
    ]


def test_constants_alone_are_no_program():
    assert search(rows("abc"), ("xyz",), []) == []
    assert search(rows("abc", "abd"), ("1", "2"), []) == []
    assert search(rows("", "a"), ("x", "y"), []) == []


def test_long_examples_are_bounded():
    inputs = ["abcabcabcab " * 15, "bcabcab cab" * 14]
    with pytest.raises(UserError, match="too long to be explained; give shorter ones"):
        search(rows(*inputs), ("abcabcabcab " * 8, "bcabcab cab" * 8), [])
