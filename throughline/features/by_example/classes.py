r"""The character classes and the cases, the same in Java (Spark), Rust (Polars) and Python.

Each of them knows another version of Unicode, so a class such as ``\p{L}`` alone, or an engine's
own upper case, would not mean the same. Here a letter is one of Latin, Greek, Cyrillic, Hebrew,
Arabic, kana, CJK or Hangul, in blocks that have not changed since Unicode 5.1. Upper and lower case
are known below U+0500, where one letter has one counterpart (``ß`` has none and stays). Digits and
whitespace are ASCII.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from throughline.features.by_example.language import CharacterClass

BLANKS = " \t\n\r"
"""The characters of the class whitespace, and what strip removes."""

_Ranges = Sequence[tuple[int, int]]

_LATIN_GREEK_CYRILLIC: _Ranges = ((0x0000, 0x037E), (0x0380, 0x04FF))

_ALL_SCRIPTS: _Ranges = (
    *_LATIN_GREEK_CYRILLIC,
    (0x05D0, 0x05EA),  # Hebrew
    (0x0621, 0x063A),  # Arabic
    (0x0641, 0x064A),
    (0x3041, 0x3096),  # kana
    (0x30A1, 0x30FA),
    (0x30FC, 0x30FE),
    (0x4E00, 0x9FA5),  # CJK
    (0xAC00, 0xD7A3),  # Hangul
)

_LETTERS = ("Lu", "Ll", "Lt", "Lm", "Lo")

_OF_CATEGORIES: dict[CharacterClass, tuple[Sequence[str], _Ranges]] = {
    "letters": (_LETTERS, _ALL_SCRIPTS),
    "upper": (("Lu",), _LATIN_GREEK_CYRILLIC),
    "lower": (("Ll",), _LATIN_GREEK_CYRILLIC),
    "alphanumeric": ((*_LETTERS, "Nd"), _ALL_SCRIPTS),
}


class Dialect(NamedTuple):
    """How regular expressions write a character in a class, one outside it, and the text's end."""

    inside: Mapping[CharacterClass, str]
    outside: Mapping[CharacterClass, str]
    end: str


def _dialect(of_categories: Mapping[CharacterClass, tuple[str, str]], end: str) -> Dialect:
    ascii_only: dict[CharacterClass, tuple[str, str]] = {
        "digits": ("[0-9]", "[^0-9]"),
        "whitespace": (f"[{BLANKS}]", f"[^{BLANKS}]"),
    }
    both = {**ascii_only, **of_categories}
    return Dialect(
        {n: pair[0] for n, pair in both.items()}, {n: p[1] for n, p in both.items()}, end
    )


def _by_property(categories: Sequence[str], ranges: _Ranges) -> tuple[str, str]:
    """For Java and Rust; old versions of Java misread a negation around a nested class."""
    properties = "".join(rf"\p{{{category}}}" for category in categories)
    starts = [last + 1 for _, last in ranges]
    gaps = zip(starts, [*[first - 1 for first, _ in ranges[1:]], sys.maxunicode], strict=True)
    rest = [(first, last) for first, last in gaps if first <= last]
    return f"[{properties}&&[{_written(ranges)}]]", f"[[^{properties}]{_written(rest)}]"


def _written(ranges: Iterable[tuple[int, int]]) -> str:
    return "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges)


def _by_character(categories: Sequence[str], ranges: _Ranges) -> tuple[str, str]:
    """For Python, whose regular expressions know no Unicode categories."""
    characters = [chr(code) for first, last in ranges for code in range(first, last + 1)]
    found = [c for c in characters if unicodedata.category(c) in categories]
    runs: list[list[str]] = []
    for character in found:
        if runs and ord(character) == ord(runs[-1][1]) + 1:
            runs[-1][1] = character
        else:
            runs.append([character, character])
    body = "".join(f"{re.escape(first)}-{re.escape(last)}" for first, last in runs)
    return f"[{body}]", f"[^{body}]"


OF_ENGINES = _dialect({n: _by_property(*found) for n, found in _OF_CATEGORIES.items()}, r"\z")

OF_PYTHON = _dialect({n: _by_character(*found) for n, found in _OF_CATEGORIES.items()}, r"\Z")


def _counterparts(upper: bool) -> dict[str, str]:
    pairs = {chr(c): chr(c).upper() if upper else chr(c).lower() for c in range(0x0500)}
    return {a: b for a, b in pairs.items() if len(b) == 1 and a != b and ord(b) < 0x0500}


UPPER = _counterparts(upper=True)

LOWER = _counterparts(upper=False)
