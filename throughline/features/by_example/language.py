"""The programs that can be learnt: plain data, written as JSON, with no meaning of their own.

A program concatenates parts. A part is a constant, or a piece of a column: what is taken from the
text, and how that is changed. The language is that of Gulwani, "Automating string processing in
spreadsheets using input-output examples" (POPL 2011), without its loops and conditions.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, model_validator

from throughline.features.by_example.dates import check_formats

CharacterClass = Literal["digits", "letters", "upper", "lower", "alphanumeric", "whitespace"]

Side = Literal["before", "after"]


def _not_zero(number: int) -> int:
    if number == 0:
        raise ValueError("numbers count from 1, or from -1 at the end")
    return number


Number = Annotated[int, Field(ge=-9, le=9), AfterValidator(_not_zero)]
"""Which one: 1 is the first, -1 the last."""

Text = Annotated[str, Field(min_length=1)]


class Node(BaseModel):
    """A part of a program."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Offset(Node):
    """``count`` characters away from an end of the text; null where the text is shorter."""

    kind: Literal["offset"] = "offset"
    count: int = Field(ge=0, le=99)
    origin: Literal["start", "end"]


class Edge(Node):
    """Where a run of characters of a class begins (``before``) or ends (``after``)."""

    kind: Literal["edge"] = "edge"
    of: CharacterClass
    number: Number
    side: Side


class Beside(Node):
    """Just before or just after an occurrence of a text."""

    kind: Literal["beside"] = "beside"
    text: Text
    number: Number
    side: Side


Position = Annotated[Offset | Edge | Beside, Discriminator("kind")]


class Whole(Node):
    """All of the text."""

    kind: Literal["whole"] = "whole"


class Split(Node):
    """One piece of the text split at a delimiter; null where there are fewer pieces."""

    kind: Literal["split"] = "split"
    delimiter: Text
    number: Number


class Run(Node):
    """One of the longest runs of characters of a class; null where there are fewer."""

    kind: Literal["run"] = "run"
    of: CharacterClass
    number: Number


class Between(Node):
    """From one position to another; null where one is not there, or they are in the wrong order."""

    kind: Literal["between"] = "between"
    start: Position
    end: Position


Take = Annotated[Whole | Split | Run | Between, Discriminator("kind")]


class Case(Node):
    """Upper case, lower case, or a capital at the start of each run of letters."""

    kind: Literal["case"] = "case"
    to: Literal["upper", "lower", "title"]


class Replace(Node):
    """Every occurrence of a text replaced by another one."""

    kind: Literal["replace"] = "replace"
    old: Text
    new: str


class Strip(Node):
    """Without spaces, tabs and line ends around it."""

    kind: Literal["strip"] = "strip"


class Keep(Node):
    """Only the characters of a class."""

    kind: Literal["keep"] = "keep"
    of: CharacterClass


class Unpad(Node):
    """Without leading zeros, but for the last character; null where the text is empty."""

    kind: Literal["unpad"] = "unpad"


class Pad(Node):
    """Zeros put before it, up to a width."""

    kind: Literal["pad"] = "pad"
    width: int = Field(ge=1, le=64)


class Date(Node):
    """A date read in one format and written in another; null where there is no such date."""

    kind: Literal["date"] = "date"
    read: str
    write: str

    @model_validator(mode="after")
    def _makes_sense(self) -> "Date":
        check_formats(self.read, self.write)
        return self


Change = Annotated[Case | Replace | Strip | Keep | Unpad | Pad | Date, Discriminator("kind")]


class Constant(Node):
    """A text that does not depend on the row."""

    kind: Literal["constant"] = "constant"
    text: Text


class Piece(Node):
    """What is taken from a column, and the changes made to it, in order."""

    kind: Literal["piece"] = "piece"
    column: str
    take: Take
    changes: tuple[Change, ...] = ()


Part = Annotated[Constant | Piece, Discriminator("kind")]


class Program(Node):
    """Parts written one after the other; null where one of them is null."""

    parts: tuple[Part, ...] = Field(min_length=1)
