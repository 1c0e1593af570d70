"""Python, Polars and Spark give a program the same meaning."""

import sys

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.features.by_example.dates import FORMATS, READ, WRITE, directives
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
from throughline.features.by_example.on_polars import OnPolars
from throughline.features.by_example.on_python import OnPython
from throughline.features.by_example.on_spark import OnSpark
from throughline.features.op import quoted

PROGRAMS, ROWS, EXAMPLES = 24, 60, 6
COLUMNS = ["a", "odd `na.me` 时"]
CLASSES = ["digits", "letters", "upper", "lower", "alphanumeric", "whitespace"]

FRAGMENTS = st.sampled_from(
    [
        *" -./,:;_@#%&$^*+?|()[]{}<>~!='\"\\\t\n\r\0",
        *[
            "a",
            "b",
            "A",
            "Z",
            "0",
            "7",
            "42",
            "007",
            "ab",
            "aA",
            "Ada Lovelace",
            "\\E",
            "\\d",
            "$1",
        ],
        *[
            "ß",
            "İ",
            "ı",
            "ſ",
            "ŉ",
            "ǆ",
            "ǅ",
            "Σ",
            "ς",
            "ό",
            "µ",
            "ÿ",
            "É",
            "e\u0301",
            "Ж",
            "ӿ",
            "Ԁ",
        ],
        *["时间", "テスト", "한국", "א", "ع", "٣", "Ⅷ", "ẞ", "ﬁ", "\u00a0", "\u2028", "\x85"],
        *["😀", "👩‍👩‍👧", "🇫🇷", "𝔸", "\U0010ffff", "\ufeff", "2013-01-01", "29 Feb 2012", "05:00"],
    ]
)
CHARACTERS = st.characters(exclude_categories=["Cs"])
FREE = st.lists(FRAGMENTS | CHARACTERS, max_size=12).map("".join)
NUMBERS = st.integers(-5, 5).filter(bool)
MARKS = st.lists(FRAGMENTS, min_size=1, max_size=2).map("".join)
OF = st.sampled_from(CLASSES)
SIDES = st.sampled_from(["before", "after"])


@st.composite
def dates_as_text(draw):
    """Dates, some of which do not exist, in the formats and near them."""
    values = {
        "%Y": st.integers(0, 9999).map("{:04}".format) | st.integers(1990, 2030).map(str),
        "%m": st.integers(0, 13).map("{:02}".format) | st.integers(1, 12).map(str),
        "%d": st.integers(0, 32).map("{:02}".format) | st.integers(1, 31).map(str),
        "%H": st.integers(0, 24).map("{:02}".format) | st.integers(0, 9).map(str),
        "%M": st.integers(0, 60).map("{:02}".format),
        "%S": st.integers(0, 60).map("{:02}".format),
        "%b": st.sampled_from([*READ["%b"].names, "feb", "Sept"]),
        "%B": st.sampled_from([*READ["%B"].names, "FEBRUARY"]),
    }
    text = draw(st.sampled_from(FORMATS))
    for directive in directives(text):
        text = text.replace(directive, draw(values[directive]))
    return text


@st.composite
def dates(draw):
    """A date read in one of the formats, written with what that gives."""
    read = draw(st.sampled_from(FORMATS))
    given_parts = {READ[d].part for d in directives(read)} | {"weekday", "short_year"}
    can = [directive for directive, writing in WRITE.items() if writing.part in given_parts]
    write = draw(st.lists(st.sampled_from(can) | st.sampled_from("T -/"), min_size=1, max_size=4))
    return Date(read=read, write="".join(write))


POSITIONS = st.one_of(
    st.builds(Offset, count=st.integers(0, 5), origin=st.sampled_from(["start", "end"])),
    st.builds(Edge, of=OF, number=NUMBERS, side=SIDES),
    st.builds(Beside, text=MARKS, number=NUMBERS, side=SIDES),
)
TAKES = st.one_of(
    st.just(Whole()),
    st.builds(Split, delimiter=MARKS, number=NUMBERS),
    st.builds(Run, of=OF, number=NUMBERS),
    st.builds(Between, start=POSITIONS, end=POSITIONS),
)
CHANGES = st.one_of(
    st.builds(Case, to=st.sampled_from(["upper", "lower", "title"])),
    st.builds(Replace, old=MARKS, new=MARKS | st.just("")),
    st.just(Strip()),
    st.builds(Keep, of=OF),
    st.just(Unpad()),
    st.builds(Pad, width=st.integers(1, 6)),
)
PIECES = st.builds(
    Piece,
    column=st.sampled_from(COLUMNS),
    take=TAKES,
    changes=st.lists(CHANGES, max_size=2).map(tuple),
) | st.builds(
    Piece,
    column=st.sampled_from(COLUMNS),
    take=st.just(Whole()),
    changes=dates().map(lambda date: (date,)),
)
PARTS = st.lists(PIECES | st.builds(Constant, text=MARKS), min_size=1, max_size=3)
ENDED = st.sampled_from(["\n", "\r", "\r\n", "\x85", "\u2028"])
TEXTS = st.one_of(
    st.none(),
    FREE,
    dates_as_text(),
    FREE.map(lambda text: text * 40),
    st.tuples(FREE | dates_as_text(), ENDED).map("".join),
)


def meanings(spark, programs, rows):
    """What each program gives for each row, in Python, on Polars and on Spark."""
    in_python = [[evaluate(p, OnPython(row)) for row in rows] for p in programs]
    names = [f"p{i}" for i in range(len(programs))]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String))
    on_polars = frame.select(
        evaluate(p, OnPolars()).alias(n) for p, n in zip(programs, names, strict=True)
    )
    fields = ["id bigint", *[f"{quoted(column)} string" for column in COLUMNS]]
    numbered = [(i, *row.values()) for i, row in enumerate(rows)]
    table = spark.createDataFrame(numbered, ", ".join(fields)).coalesce(1)
    on_spark = table.select(
        "id", *[evaluate(p, OnSpark()).alias(n) for p, n in zip(programs, names, strict=True)]
    )
    _, *found = zip(*sorted(on_spark.collect(), key=lambda row: row["id"]), strict=True)
    return in_python, [on_polars[n].to_list() for n in names], found


def hold_together(spark, programs, rows):
    for program, *found in zip(programs, *meanings(spark, programs, rows), strict=True):
        for row, python, polars, on_spark in zip(rows, *found, strict=True):
            assert python == polars == on_spark, (
                f"{program!r} of {row!r}: {[python, polars, on_spark]}"
            )


@pytest.mark.slow
@settings(settings.get_profile("on_spark"), max_examples=EXAMPLES)
@given(
    parts=st.lists(PARTS, min_size=PROGRAMS, max_size=PROGRAMS),
    values=st.lists(st.tuples(TEXTS, TEXTS), min_size=ROWS, max_size=ROWS),
)
def test_random_programs_of_random_texts(spark, parts, values):
    programs = [Program(parts=tuple(p)) for p in parts]
    rows = [dict(zip(COLUMNS, value, strict=True)) for value in values]
    hold_together(spark, programs, rows)


def test_every_character_is_of_the_same_class_and_case(spark):
    """All of Unicode but surrogates, 1,024 characters in a text; each class alone, each case."""
    codes = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    texts = ["".join(map(chr, codes[i : i + 1024])) for i in range(0, len(codes), 1024)]
    changes = [
        *[Keep(of=of) for of in CLASSES],
        *[Case(to=to) for to in ("upper", "lower", "title")],
        Strip(),
    ]
    programs = [
        Program(parts=(Piece(column=COLUMNS[0], take=Whole(), changes=(change,)),))
        for change in changes
    ]
    hold_together(spark, programs, [dict.fromkeys(COLUMNS, text) for text in texts])


def test_long_texts_take_no_deep_stack_and_no_quadratic_time(spark):
    """Each kind of pattern on texts of 100,000 characters, of which most do not match."""
    length = 100_000
    long = ["a" * length, "1" * length, "a1" * (length // 2), "-" * length, "a-" * (length // 2)]
    texts = [*long, *[f"{text}\n{text[:3]}" for text in long], *[f"A {text}" for text in long]]
    numbers = (1, 3, -1, -3)
    takes = [
        *[Split(delimiter=mark, number=n) for n in numbers for mark in ("-", "\n", "a-")],
        *[Run(of=of, number=n) for n in numbers for of in ("digits", "letters", "upper")],
        *[
            Between(start=Edge(of="letters", number=n, side=side), end=end)
            for n, side in zip(numbers, ("before", "after") * 2, strict=True)
            for end in (Offset(count=0, origin="end"), Beside(text="-", number=-n, side=side))
        ],
    ]
    programs = [
        Program(parts=(Piece(column=COLUMNS[0], take=take, changes=(Pad(width=2),)),))
        for take in takes
    ]
    hold_together(spark, programs, [dict.fromkeys(COLUMNS, text) for text in texts])
