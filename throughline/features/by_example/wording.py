"""A program in plain words."""

from throughline.features.by_example.dates import READ, WRITE, tokens
from throughline.features.by_example.language import (
    Between,
    Case,
    Change,
    Constant,
    Date,
    Edge,
    Keep,
    Offset,
    Pad,
    Part,
    Position,
    Program,
    Replace,
    Run,
    Split,
    Strip,
    Take,
    Whole,
)

_CLASSES = {
    "digits": "digits",
    "letters": "letters",
    "upper": "capital letters",
    "lower": "small letters",
    "alphanumeric": "letters and digits",
    "whitespace": "blanks",
}
_CASES = {"upper": "in upper case", "lower": "in lower case", "title": "with capitalised words"}
_BLANKS = {" ": "a space", "\t": "a tab", "\n": "a line end"}
_READ_AS = {directive: WRITE[directive].words for directive in READ}


def in_words(program: Program) -> str:
    """A program as a phrase, such as ``the first piece of 'model' split at '-'``."""
    return ", then ".join(_part(part) for part in program.parts)


def _part(part: Part) -> str:
    if isinstance(part, Constant):
        return shown(part.text)
    return " ".join([_take(part.take, repr(part.column)), *map(_change, part.changes)])


def shown(text: str) -> str:
    """A text in quotes; a single blank by its name."""
    return _BLANKS.get(text, repr(text))


def _take(take: Take, column: str) -> str:
    if isinstance(take, Whole):
        return column
    if isinstance(take, Split):
        return f"the {_which(take.number)} piece of {column} split at {shown(take.delimiter)}"
    if isinstance(take, Run):
        return f"the {_which(take.number)} run of {_CLASSES[take.of]} in {column}"
    return _between(take, column)


def _between(take: Between, column: str) -> str:
    start, end = take.start, take.end
    if isinstance(start, Offset) and isinstance(end, Offset):
        if start == Offset(count=0, origin="start") and end.origin == "start":
            return f"the first {_characters(end.count)} of {column}"
        if end == Offset(count=0, origin="end") and start.origin == "end":
            return f"the last {_characters(start.count)} of {column}"
        if start.origin == end.origin == "start":
            return f"characters {start.count + 1} to {end.count} of {column}"
    return f"{column} from {_position(start)} to {_position(end)}"


def _position(position: Position) -> str:
    if isinstance(position, Offset):
        if not position.count:
            return f"the {position.origin}"
        if position.origin == "start":
            return f"after the first {_characters(position.count)}"
        return f"before the last {_characters(position.count)}"
    if isinstance(position, Edge):
        what = f"run of {_CLASSES[position.of]}"
    else:
        what = shown(position.text).removeprefix("a ")
    return f"{position.side} the {_which(position.number)} {what}"


def _change(change: Change) -> str:
    if isinstance(change, Case):
        return _CASES[change.to]
    if isinstance(change, Replace):
        if change.new:
            return f"with {shown(change.old)} replaced by {shown(change.new)}"
        return f"without {shown(change.old)}"
    if isinstance(change, Date):
        return f"read as a date ({_read(change.read)}) and written as {_written(change.write)}"
    if isinstance(change, Keep):
        return f"with only its {_CLASSES[change.of]}"
    if isinstance(change, Pad):
        return f"with zeros before it up to {_characters(change.width)}"
    return "without blanks around it" if isinstance(change, Strip) else "without leading zeros"


def _read(format: str) -> str:
    return "".join(_READ_AS.get(token, token) for token in tokens(format))


def _written(format: str) -> str:
    return ", ".join(
        WRITE[token].words if token in WRITE else shown(token) for token in tokens(format)
    )


def _characters(count: int) -> str:
    return "character" if count == 1 else f"{count} characters"


def _which(number: int) -> str:
    if number == -1:
        return "last"
    place = {1: "first", 2: "second", 3: "third"}.get(abs(number), f"{abs(number)}th")
    return place if number > 0 else f"{place} from last"
