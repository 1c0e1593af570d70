from throughline.features.by_example.choice import doubt, missed, ranked
from throughline.features.by_example.language import Piece, Program, Whole
from throughline.features.by_example.search import Found

DATA = [{"x": text} for text in ("long text", "b", "a", "")]


def found(name, cost, *values):
    return Found(Program(parts=(Piece(column=name, take=Whole()),)), cost, values)


def test_simple_programs_come_first_unless_they_say_nothing():
    simple, other = found("s", 5, "p", "p", "p", "p"), found("o", 7, "q", "q", "q", "q")
    silent = found("n", 4, "p", None, None, "")
    assert ranked([silent, other, simple]) == [simple, other, silent]
    assert missed(silent) == 0.75
    assert missed(found("e", 4)) == 0


def test_equal_programs_come_in_one_order():
    one, other = found("a", 5, "p"), found("b", 5, "p")
    assert ranked([other, one]) == ranked([one, other]) == [one, other]


def test_programs_that_differ_are_a_doubt_if_they_are_as_likely():
    best, near, far = (
        found(name, cost, "p", "p", "p", "p") for name, cost in (("a", 5), ("b", 6), ("c", 8))
    )
    assert doubt([best, near, far], DATA, examples=2) is None
    near = found("b", 6, "q", "p", "q", "p")
    doubtful = doubt([best, near], DATA, examples=2)
    assert doubtful is not None
    assert doubtful.readings == (best, near)
    assert (doubtful.row, doubtful.results) == ({"x": "a"}, ("p", "q"))  # the shortest input


def test_one_example_leaves_more_in_doubt():
    best, further = found("a", 5, *"pppp"), found("b", 7, *"qqqq")
    assert doubt([best, further], DATA, examples=2) is None
    assert doubt([best, further], DATA, examples=1) is not None
    assert doubt([best, found("b", 8, *"qqqq")], DATA, examples=1) is None


def test_what_says_nothing_contradicts_nothing():
    best, silent = found("a", 5, "p", "p", "p", "p"), found("b", 5, None, "p", "", "p")
    assert doubt([best, silent], DATA, examples=1) is None
    assert doubt([best], [], examples=1) is None
