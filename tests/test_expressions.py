import math

import narwhals as nw
import pytest

from throughline.expressions import (
    ExpressionError,
    check_condition,
    check_kinds,
    columns_of,
    compile_expression,
    is_condition,
)

X = [-1.0, 0.0, 1.0, 2.0, None, 1e300]
N = [3, 0, -7, None, 2, 1]
C = ["a", "b", None, "", "é", "a"]
B = [True, False, None, True, False, None]


def ordered(compare):
    """A Python function that answers None where an operand is missing, as SQL does."""
    return lambda *operands: None if None in operands else compare(*operands)


def both_true(left, right):
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def one_true(left, right):
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


above = ordered(lambda left, right: left > right)
ABOVE_0 = [above(x, 0) for x in X]
EVEN_A = [ordered(lambda c: c == "a")(c) for c in C]
MEANINGS = {
    "x > 0": ABOVE_0,
    "x >= n": [ordered(lambda x, n: x >= n)(x, n) for x, n in zip(X, N, strict=True)],
    "x != 1": [ordered(lambda x: x != 1)(x) for x in X],
    "0 <= x < 2": [ordered(lambda x: 0 <= x < 2)(x) for x in X],
    "not x > 0": [None if x is None else not x > 0 for x in X],
    "x > 0 and c == 'a'": [both_true(*pair) for pair in zip(ABOVE_0, EVEN_A, strict=True)],
    "x > 0 or c == 'a'": [one_true(*pair) for pair in zip(ABOVE_0, EVEN_A, strict=True)],
    "c in ('a', 'é')": [ordered(lambda c: c in "aé" and c != "")(c) for c in C],
    "c not in ['a']": [ordered(lambda c: c != "a")(c) for c in C],
    "n in (3, 2.0)": [ordered(lambda n: n in (3, 2))(n) for n in N],
    "x is None": [x is None for x in X],
    "not (c is not None)": [c is None for c in C],
    "c < 'b'": [ordered(lambda c: c < "b")(c) for c in C],
    "b == True": B,
    "b or x is None": [one_true(b, x is None) for b, x in zip(B, X, strict=True)],
    "x + n * 2 - 1": [ordered(lambda x, n: x + n * 2 - 1)(x, n) for x, n in zip(X, N, strict=True)],
    "-x": [ordered(lambda x: -x)(x) for x in X],
    "n / 2": [ordered(lambda n: n / 2)(n) for n in N],
    "1 / n": [None if not n else 1 / n for n in N],
    "n / x": [None if not x or n is None else n / x for x, n in zip(X, N, strict=True)],
    "x * x": [ordered(lambda x: x * x if x < 2 else (4.0 if x == 2 else math.inf))(x) for x in X],
    "col('odd name, 时间') == 'q'": [True] * 6,
    "2 > 1": [True] * 6,
}


def test_every_form_means_the_same_on_both_engines(both):
    names = {expression: f"e{i}" for i, expression in enumerate(MEANINGS)}
    compiled = [compile_expression(text).alias(name) for text, name in names.items()]
    columns = {"x": X, "n": N, "c": C, "b": B, "odd name, 时间": ["q"] * 6}
    found = both.apply(lambda frame: frame.with_columns(*compiled), columns)
    for text, expected in MEANINGS.items():
        wanted = [None if value is None else float(value) for value in expected]
        assert found[names[text]] == pytest.approx(wanted), text


def test_columns_in_order_of_appearance():
    assert columns_of("b > a and col('two words') == b") == ["b", "a", "two words"]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "open('x')",
        "x.real > 0",
        "x[0] > 1",
        "(lambda: 1)()",
        "[y for y in x]",
        "x if y else z",
        "(y := 1)",
        "f'{x}' == 'a'",
        "x ** 2",
        "x // 2",
        "x % 2",
        "x & y",
        "~x",
        "x is True",
        "x == None",
        "None",
        "x in y",
        "x in (y, 1)",
        "x in ()",
        "x in (1, None)",
        "x in ((1, 2),)",
        "1j > x",
        "b'x' == c",
        "... == x",
        "col(x)",
        "col()",
        "col('a', 'b')",
        "col('a', b=1)",
        "*x",
        "{1: 2}",
    ],
)
def test_refuses_what_is_not_in_the_language(text):
    with pytest.raises(ExpressionError, match=r"does not have|must be|not possible|not parse"):
        compile_expression(text)


@pytest.mark.parametrize(
    "text", ["", "x >", "x = 1", "x; y", "import os", "x\n> 1", "\0", "(" * 500]
)
def test_refuses_what_does_not_parse(text):
    with pytest.raises(ExpressionError, match="does not parse"):
        compile_expression(text)


@pytest.mark.parametrize("text", [" + ".join(["x"] * 9000), "not " * 3000 + "x"])
def test_refuses_what_is_too_deep(text):
    with pytest.raises(ExpressionError, match="nested too deeply|does not parse"):
        columns_of(text)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("x > 1", True),
        ("not x", True),
        ("a or b", True),
        ("x + 1", False),
        ("x", False),
        ("-x", False),
    ],
)
def test_conditions(text, condition):
    assert is_condition(text) is condition
    if condition:
        assert check_condition(text) == text
    else:
        with pytest.raises(ExpressionError, match="is not a condition"):
            check_condition(text)


KINDS = {"x": "number", "k": "category", "c": "text", "t": "time", "b": "boolean"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x + k * 2", "number"),
        ("c", "text"),
        ("x > 1 and not b", "boolean"),
        ("c in ('a', 'b')", "boolean"),
        ("t is None", "boolean"),
        ("1 < x <= k", "boolean"),
        ("col('c') == 'x'", "boolean"),
    ],
)
def test_kinds_that_go_together(text, kind):
    assert check_kinds(text, KINDS) == kind


@pytest.mark.parametrize(
    "text",
    ["c > 0", "x == 'a'", "c + c == 'aa'", "-c", "b == 1", "x and b", "not x", "x in (1, 'a')",
     "t > '2013-01-01'", "b + 1", "z > 1"],
)  # fmt: skip
def test_refuses_kinds_that_engines_would_cast_each_in_its_way(text):
    with pytest.raises(ExpressionError, match="is of kind .*, where only a"):
        check_kinds(text, KINDS)


def test_a_condition_without_columns_keeps_every_row(both):
    keep = compile_expression("1 > 0")
    assert both.apply(lambda frame: frame.filter(keep | nw.col("x").is_null()), {"x": X})["x"] == X
