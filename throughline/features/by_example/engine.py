"""What an engine has to be able to do with text, for programs to run on it."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from throughline.features.by_example.classes import Dialect

T = TypeVar("T")


class Engine(Protocol[T]):
    """Operations on texts, which may be null; what is done to a null gives null.

    A ``T`` is the text of one row in Python, and a column's expression elsewhere. Characters are
    Unicode code points. A regular expression gives null where it does not match.
    """

    dialect: Dialect

    def column(self, name: str) -> T:
        """A column of the row."""

    def constant(self, text: str) -> T:
        """The same text for every row."""

    def extract(self, text: T, pattern: str, group: int = 1) -> T:
        """What a group of a regular expression matches."""

    def cut(self, text: T, start: T, end: T) -> T:
        """The text from the length of ``start`` to that of ``end``; null if that is before it."""

    def concatenate(self, texts: Sequence[T]) -> T:
        """The texts one after the other; null if one of them is."""

    def replace(self, text: T, old: str, new: str) -> T:
        """Every occurrence of ``old`` replaced, from the left."""

    def remove(self, text: T, pattern: str) -> T:
        """The text without what a regular expression matches."""

    def map_characters(self, text: T, table: Mapping[str, str]) -> T:
        """Each character replaced by its entry in the table, if it has one."""

    def capitalise(self, text: T) -> T:
        """Each run of letters with a first letter in upper case and the rest in lower case."""

    def strip(self, text: T) -> T:
        """Without blanks at both ends."""

    def pad(self, text: T, width: int) -> T:
        """Zeros put before a text that is shorter than ``width``."""

    def look_up(self, text: T, table: Mapping[str, str]) -> T:
        """The text's entry in a table; null where it has none."""

    def weekday(self, date: T) -> T:
        """The weekday of a date such as 2013-01-31, 01 for Monday; null if there is no such day."""
