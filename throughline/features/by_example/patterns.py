"""What a program takes from a text, as regular expressions of which the first group is wanted.

They keep to what Java, Rust and Python read in the same way: no look-around, no ``$``, no
references. Each is anchored and takes time proportional to the text's length, also where the engine
backtracks, and also on texts that do not match.
"""

from functools import lru_cache

from throughline.features.by_example.classes import Dialect
from throughline.features.by_example.dates import READ, tokens
from throughline.features.by_example.language import (
    Beside,
    CharacterClass,
    Edge,
    Offset,
    Position,
    Run,
    Split,
)

_SPECIAL = frozenset(r"\.+*?()|[]{}^$")


def literal(text: str) -> str:
    """A pattern of exactly this text."""
    return "".join(f"\\{c}" if c in _SPECIAL else c for c in text)


def piece(split: Split, end: str) -> str:
    """One piece of a text split at a delimiter."""
    mark, before = literal(split.delimiter), abs(split.number) - 1
    if split.number > 0:
        return rf"(?s)\A(?:.*?{mark}){{{before}}}(.*?)(?:{mark}|{end})"
    return rf"(?s)\A(?:.*{mark})?(.*?)(?:{mark}.*?){{{before}}}{end}"


def run(taken: Run, dialect: Dialect) -> str:
    """One of the runs of a class."""
    before, after = _around(taken.of, taken.number, dialect)
    return f"{before}({dialect.inside[taken.of]}+){after}"


def prefix(position: Position, dialect: Dialect) -> str:
    """All that stands before a position."""
    if isinstance(position, Offset):
        if position.origin == "start":
            return rf"(?s)\A(.{{{position.count}}})"
        return rf"(?s)\A(.*).{{{position.count}}}{dialect.end}"
    if isinstance(position, Edge):
        return _before_edge(position, dialect)
    return _before_mark(position)


def _around(of: CharacterClass, number: int, dialect: Dialect) -> tuple[str, str]:
    """What stands before and after a run; a run takes all it can, so none is cut in two."""
    inside, outside, others = dialect.inside[of], dialect.outside[of], abs(number) - 1
    if number > 0:
        return rf"(?s)\A{outside}*(?:{inside}+{outside}+){{{others}}}", ""
    return (
        rf"(?s)\A(?:.*{outside})?",
        f"(?:{outside}+{inside}+){{{others}}}{outside}*{dialect.end}",
    )


def _before_edge(edge: Edge, dialect: Dialect) -> str:
    before, after = _around(edge.of, edge.number, dialect)
    start = before.removeprefix("(?s)\\A")
    inside = dialect.inside[edge.of]
    if edge.side == "before":
        return rf"(?s)\A({start}){inside}+{after}"
    return rf"(?s)\A({start}{inside}+){after}"


def _before_mark(beside: Beside) -> str:
    mark, others = literal(beside.text), abs(beside.number) - 1
    if beside.number > 0:
        if beside.side == "before":
            return rf"(?s)\A((?:.*?{mark}){{{others}}}.*?){mark}"
        return rf"(?s)\A((?:.*?{mark}){{{others + 1}}})"
    if beside.side == "before":
        return rf"(?s)\A(.*){mark}(?:.*{mark}){{{others}}}"
    return rf"(?s)\A(.*{mark})(?:.*{mark}){{{others}}}"


@lru_cache
def date(read: str, end: str) -> str:
    """A date in a format, one group for each directive."""
    touching = any(
        a in READ and b in READ for a, b in zip(tokens(read), tokens(read)[1:], strict=False)
    )
    written = [
        f"({READ[token].strict if touching else READ[token].lenient})"
        if token in READ
        else literal(token)
        for token in tokens(read)
    ]
    return rf"(?s)\A{''.join(written)}{end}"
