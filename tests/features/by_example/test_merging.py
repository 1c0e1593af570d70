from throughline.features.by_example.language import Case, Constant, Date, Piece, Program, Whole
from throughline.features.by_example.merging import merged

READ = "%Y-%m-%d"


def date(write, read=READ, column="a"):
    return Piece(column=column, take=Whole(), changes=(Date(read=read, write=write),))


def parts_of(*parts):
    return merged(Program(parts=parts)).parts


def test_parts_of_one_date_become_one_piece():
    dash, slash = Constant(text="-"), Constant(text="/")
    assert parts_of(date("%a"), Constant(text=" "), date("%d")) == (date("%a %d"),)
    assert parts_of(date("%Y"), date("%m")) == (date("%Y%m"),)
    assert parts_of(dash, date("%d"), slash, date("%m"), slash, date("%Y"), dash) == (
        dash,
        date("%d/%m/%Y"),
        dash,
    )


def test_other_parts_stay_apart():
    whole = Piece(column="a", take=Whole())
    cased = Piece(column="a", take=Whole(), changes=(Date(read=READ, write="%b"), Case(to="upper")))
    for parts in (
        (date("%a"), date("%d", column="b")),
        (date("%a"), date("%d", read="%Y/%m/%d")),
        (date("%a"), Constant(text="%d"), date("%d")),
        (date("%a"), whole, date("%d")),
        (date("%a"), cased),
        (whole, Constant(text="-"), whole),
    ):
        assert parts_of(*parts) == parts
