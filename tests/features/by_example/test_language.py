import pytest
from pydantic import ValidationError

from throughline.features.by_example.language import (
    Beside,
    Between,
    Case,
    Constant,
    Date,
    Offset,
    Piece,
    Program,
    Run,
    Split,
)


def test_a_program_is_plain_json():
    program = Program(
        parts=(
            Piece(column="a", take=Split(delimiter="-", number=-1), changes=(Case(to="upper"),)),
            Constant(text=' "\\'),
            Piece(
                column="时",
                take=Between(
                    start=Offset(count=2, origin="end"),
                    end=Beside(text="\n", number=1, side="before"),
                ),
            ),
        )
    )
    assert Program.model_validate_json(program.model_dump_json()) == program
    first = program.model_dump(mode="json")["parts"][0]
    assert first == {
        "kind": "piece",
        "column": "a",
        "take": {"kind": "split", "delimiter": "-", "number": -1},
        "changes": [{"kind": "case", "to": "upper"}],
    }


@pytest.mark.parametrize(
    "make",
    [
        lambda: Split(delimiter="", number=1),
        lambda: Split(delimiter="-", number=0),
        lambda: Run(of="digits", number=10),
        lambda: Run(of="vowels", number=1),
        lambda: Date(read="%Y-%m-%d", write="%H"),
        lambda: Program(parts=()),
        lambda: Program.model_validate({"parts": [{"kind": "piece", "column": "a"}]}),
        lambda: Program.model_validate({"parts": [{"kind": "constant", "text": "a", "x": 1}]}),
    ],
)
def test_what_has_no_meaning_is_refused(make):
    with pytest.raises(ValidationError):
        make()
