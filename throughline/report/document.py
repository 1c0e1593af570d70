"""A document of sections, tables and pictures, written as HTML and as Markdown."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from throughline.report.html import embedded, environment

TEMPLATE = "document.html.j2"


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        head: The columns' names.
        rows: Their cells.
        texts: So many columns from the left are text, the others figures.
        best: Cells to point out, by row and column.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1
    best: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True)
class Picture:
    """A PNG beside the document: the file's name, relative to it, and what it shows."""

    file: str
    title: str


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, in this order."""

    title: str
    text: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    code: str = ""
    table: Table | None = None
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Document:
    """A title, a line about it, and sections."""

    title: str
    about: str
    sections: tuple[Section, ...] = field(default=())


def as_html(document: Document, folder: Path) -> str:
    """The document as one HTML file that needs nothing else: pictures of ``folder`` are inside."""
    files = {picture.file for section in document.sections for picture in section.pictures}
    images: Mapping[str, str] = {file: embedded(folder / file) for file in files}
    return environment().get_template(TEMPLATE).render(document=document, embedded=images)


def as_markdown(document: Document) -> str:
    """The document as Markdown that shows the pictures beside it; text is escaped."""
    lines = [f"# {_plain(document.title)}", _plain(document.about)]
    for section in document.sections:
        lines += [f"## {_plain(section.title)}", *_parts(section)]
    return "\n\n".join(lines) + "\n"


def _parts(section: Section) -> Iterator[str]:
    yield from (_plain(paragraph) for paragraph in section.text)
    if section.items:
        yield "\n".join(f"- {_plain(item)}" for item in section.items)
    if section.code:
        yield f"````\n{section.code}\n````"
    if section.table:
        yield "\n".join(_table_lines(section.table))
    yield from (f"![{_plain(p.title)}]({p.file})" for p in section.pictures)


def _table_lines(table: Table) -> Iterator[str]:
    def line(cells: tuple[str, ...]) -> str:
        return f"| {' | '.join(cells)} |"

    yield line(tuple(_plain(cell) for cell in table.head))
    yield line(tuple("---" if i < table.texts else "---:" for i in range(len(table.head))))
    for i, row in enumerate(table.rows):
        cells = [_plain(cell) for cell in row]
        yield line(tuple(f"**{c}**" if (i, j) in table.best else c for j, c in enumerate(cells)))


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    escaped = re.sub(r"[\\`*\[\]<>|]|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)
    return " ".join(escaped.split())
