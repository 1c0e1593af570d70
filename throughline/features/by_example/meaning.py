"""What a program means, written once over the operations that every engine has."""

from typing import TypeVar

from throughline.features.by_example import patterns
from throughline.features.by_example.classes import LOWER, UPPER
from throughline.features.by_example.dates import READ, WRITE, directives, tokens
from throughline.features.by_example.engine import Engine
from throughline.features.by_example.language import (
    Case,
    Change,
    Constant,
    Date,
    Keep,
    Pad,
    Part,
    Program,
    Replace,
    Run,
    Split,
    Strip,
    Take,
    Whole,
)

T = TypeVar("T")

_LEADING_ZEROS = r"(?s)\A0*(.+)"


def evaluate(program: Program, engine: Engine[T]) -> T:
    """The text that a program gives; null where it does not apply."""
    return engine.concatenate([_part(part, engine) for part in program.parts])


def _part(part: Part, engine: Engine[T]) -> T:
    if isinstance(part, Constant):
        return engine.constant(part.text)
    text = take(engine.column(part.column), part.take, engine)
    for changed in part.changes:
        text = change(text, changed, engine)
    return text


def take(text: T, taken: Take, engine: Engine[T]) -> T:
    """What is taken from a text."""
    if isinstance(taken, Whole):
        return text
    if isinstance(taken, Split):
        return engine.extract(text, patterns.piece(taken, engine.dialect.end))
    if isinstance(taken, Run):
        return engine.extract(text, patterns.run(taken, engine.dialect))
    start, end = (
        engine.extract(text, patterns.prefix(position, engine.dialect))
        for position in (taken.start, taken.end)
    )
    return engine.cut(text, start, end)


def change(text: T, changed: Change, engine: Engine[T]) -> T:
    """A text after one change."""
    if isinstance(changed, Case):
        if changed.to == "title":
            return engine.capitalise(text)
        return engine.map_characters(text, UPPER if changed.to == "upper" else LOWER)
    if isinstance(changed, Replace):
        return engine.replace(text, changed.old, changed.new)
    if isinstance(changed, Strip):
        return engine.strip(text)
    if isinstance(changed, Keep):
        return engine.remove(text, f"{engine.dialect.outside[changed.of]}+")
    if isinstance(changed, Pad):
        return engine.pad(text, changed.width)
    if isinstance(changed, Date):
        return _rewritten(text, changed, engine)
    return engine.extract(text, _LEADING_ZEROS)


def _rewritten(text: T, date: Date, engine: Engine[T]) -> T:
    """The date in another format; the last piece is empty, or null where there is no such day."""
    parts = _parts(text, date.read, engine)
    dash = engine.constant("-")
    day = engine.concatenate([parts["year"], dash, parts["month"], dash, parts["day"]])
    parts["weekday"] = engine.weekday(day)
    parts["short_year"] = engine.extract(parts["year"], "(..)" + engine.dialect.end)
    written = [
        _written(token, parts, engine) if token in WRITE else engine.constant(token)
        for token in tokens(date.write)
    ]
    exists = engine.look_up(parts["weekday"], dict.fromkeys(WRITE["%A"].table or {}, ""))
    return engine.concatenate([*written, exists])


def _parts(text: T, read: str, engine: Engine[T]) -> dict[str, T]:
    pattern = patterns.date(read, engine.dialect.end)
    parts = {}
    for group, directive in enumerate(directives(read), start=1):
        reading = READ[directive]
        found = engine.extract(text, pattern, group)
        parts[reading.part] = (
            engine.look_up(found, reading.names) if reading.names else engine.pad(found, 2)
        )
    return parts


def _written(directive: str, parts: dict[str, T], engine: Engine[T]) -> T:
    writing = WRITE[directive]
    part = parts[writing.part]
    return engine.look_up(part, writing.table) if writing.table else part
