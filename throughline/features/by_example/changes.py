"""The changes that could lead from what was taken to a part of the outputs."""

import re
from collections.abc import Iterable, Iterator
from itertools import product

from throughline.features.by_example.dates import FORMATS, READ, WRITE, directives
from throughline.features.by_example.language import (
    Case,
    Change,
    Date,
    Keep,
    Pad,
    Replace,
    Strip,
    Unpad,
)
from throughline.features.by_example.meaning import change
from throughline.features.by_example.on_python import OnPython
from throughline.features.by_example.takes import Texts

Changes = tuple[Change, ...]

_ENGINE = OnPython({})
_CASES = [Case(to="upper"), Case(to="lower"), Case(to="title")]
_KEPT = [Keep(of="digits"), Keep(of="letters"), Keep(of="alphanumeric")]
_SHORTEST_DATE = 8


def changes(texts: Texts, outputs: Texts, dates: bool) -> Iterator[tuple[Changes, Texts]]:
    """Changes of the texts that give something which the outputs hold, and what they give.

    Args:
        texts: What was taken, for each example.
        outputs: The output of each example.
        dates: Whether to try reading the texts as dates.
    """
    lowered = tuple(output.lower() for output in outputs)
    first: Iterable[Changes] = [(), *_first(texts, outputs), *(_dates(texts) if dates else ())]
    for start in first:
        changed = _after(texts, start)
        if not changed or not _held(tuple(text.lower() for text in changed), lowered):
            continue
        for case in [(), *[(case,) for case in _CASES]]:
            result = _after(changed, case)
            if result and (result != changed or not case) and _held(result, outputs):
                yield (*start, *case), result


def _held(texts: Texts, outputs: Texts) -> bool:
    return any(texts) and all(text in output for text, output in zip(texts, outputs, strict=True))


def _after(texts: Texts, changed: Changes) -> Texts | None:
    for each in changed:
        results = [change(text, each, _ENGINE) for text in texts]
        if any(result is None for result in results):
            return None
        texts = tuple(result or "" for result in results)
    return texts


def _first(texts: Texts, outputs: Texts) -> Iterator[Changes]:
    """Single changes other than of the case that would do something to these texts."""
    if any(text != text.strip() for text in texts):
        yield (Strip(),)
    if any(text.startswith("0") for text in texts):
        yield (Unpad(),)
    yield from ((kept,) for kept in _KEPT)
    if all(text.isdigit() for text in texts):
        widths = {min(len(digits), 64) for digits in re.findall(r"[0-9]+", outputs[0])}
        yield from ((Pad(width=width),) for width in sorted(widths) if width > len(texts[0]))
    marks = dict.fromkeys(c for text in texts for c in text if not c.isalnum())
    instead = dict.fromkeys(c for c in outputs[0] if not c.isalnum())
    for old, new in product(list(marks)[:6], ["", *list(instead)[:6]]):
        if old != new:
            yield (Replace(old=old, new=new),)


def _dates(texts: Texts) -> Iterator[Changes]:
    """One directive at a time; the search puts them together."""
    if min(map(len, texts)) < _SHORTEST_DATE:
        return
    for read in FORMATS:
        if _after(texts, (Date(read=read, write="%Y"),)) is not None:
            given = {"weekday", "short_year", *[READ[d].part for d in directives(read)]}
            for directive, writing in WRITE.items():
                if writing.part in given:
                    yield (Date(read=read, write=directive),)
