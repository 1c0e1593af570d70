import datetime as dt

import pytest

from throughline.features.by_example.dates import FORMATS, READ, check_formats, directives, tokens
from throughline.features.by_example.language import Date, Piece, Program, Whole
from throughline.features.by_example.meaning import evaluate
from throughline.features.by_example.on_python import OnPython

WRITTEN = "%Y %y %m %b %B %d %a %A %H %M %S"


def rewritten(text, read, write):
    piece = Piece(column="a", take=Whole(), changes=(Date(read=read, write=write),))
    return evaluate(Program(parts=(piece,)), OnPython({"a": text}))


@pytest.mark.parametrize("read", [read for read in FORMATS if "%S" in read])
def test_the_directives_are_those_of_strftime(read):
    for day in range(0, 800, 7):
        moment = dt.datetime(2011, 12, 30, 5, 7, 9) + dt.timedelta(days=day, hours=day)
        text = moment.strftime(read)
        assert rewritten(text, read, WRITTEN) == moment.strftime(WRITTEN), text


def test_zeros_may_be_missing_where_nothing_touches():
    assert rewritten("5/3/2013 7:05", "%d/%m/%Y %H:%M", "%Y-%m-%d %H") == "2013-03-05 07"
    assert rewritten("201335", "%Y%m%d", "%Y") is None
    assert rewritten("2013-12-05", "%Y-%m-%d", "%-m %-d %q") == "12 5 4"


def test_a_format_is_cut_at_its_directives():
    assert tokens("T%Y-%-d") == ["T", "%Y", "-", "%-d"]
    assert directives("T%Y-%-d") == ["%Y", "%-d"]
    assert {d for read in FORMATS for d in directives(read)} <= set(READ)


@pytest.mark.parametrize(
    ("read", "write", "message"),
    [
        ("%Y-%m-%d", "%j", "%j cannot be written"),
        ("%Y-%j", "%Y", "%j cannot be read"),
        ("%Y-%m", "%Y", "has to give the year, the month and the day"),
        ("%Y-%m-%d %b", "%Y", "each once"),
        ("%Y-%m-%d", "%H", "'%Y-%m-%d' does not give it"),
    ],
)
def test_formats_that_make_no_sense_are_refused(read, write, message):
    with pytest.raises(ValueError, match=message):
        check_formats(read, write)
