"""Programs as Polars expressions."""

from collections.abc import Mapping, Sequence

import polars as pl

from throughline.features.by_example.classes import BLANKS, LOWER, OF_ENGINES, UPPER

_LETTERS_AND_REST = f"{OF_ENGINES.inside['letters']}+|{OF_ENGINES.outside['letters']}+"


class OnPolars:
    """The operations on expressions of a Polars frame."""

    dialect = OF_ENGINES

    def column(self, name: str) -> pl.Expr:
        """The frame's column."""
        return pl.col(name)

    def constant(self, text: str) -> pl.Expr:
        """A literal."""
        return pl.lit(text)

    def extract(self, text: pl.Expr, pattern: str, group: int = 1) -> pl.Expr:
        """By ``str.extract``."""
        return text.str.extract(pattern, group)

    def cut(self, text: pl.Expr, start: pl.Expr, end: pl.Expr) -> pl.Expr:
        """By ``str.slice``, which refuses a negative length even where it is not wanted."""
        first, last = (position.str.len_chars().cast(pl.Int64) for position in (start, end))
        length = last - first
        return pl.when(length >= 0).then(text.str.slice(first, length.clip(lower_bound=0)))

    def concatenate(self, texts: Sequence[pl.Expr]) -> pl.Expr:
        """By ``concat_str``."""
        return pl.concat_str(texts)

    def replace(self, text: pl.Expr, old: str, new: str) -> pl.Expr:
        """By ``str.replace_all``."""
        return text.str.replace_all(old, new, literal=True)

    def remove(self, text: pl.Expr, pattern: str) -> pl.Expr:
        """By ``str.replace_all``."""
        return text.str.replace_all(pattern, "")

    def map_characters(self, text: pl.Expr, table: Mapping[str, str]) -> pl.Expr:
        """By ``str.replace_many``."""
        return text.str.replace_many(list(table), list(table.values()))

    def capitalise(self, text: pl.Expr) -> pl.Expr:
        """Runs of letters and what is between them, each with its first character raised."""
        run = pl.element()
        first = self.map_characters(run.str.slice(0, 1), UPPER)
        rest = self.map_characters(run.str.slice(1), LOWER)
        return text.str.extract_all(_LETTERS_AND_REST).list.eval(first + rest).list.join("")

    def strip(self, text: pl.Expr) -> pl.Expr:
        """By ``str.strip_chars``."""
        return text.str.strip_chars(BLANKS)

    def pad(self, text: pl.Expr, width: int) -> pl.Expr:
        """By ``str.pad_start``."""
        return text.str.pad_start(width, "0")

    def look_up(self, text: pl.Expr, table: Mapping[str, str]) -> pl.Expr:
        """By ``replace_strict``."""
        return text.replace_strict(
            list(table), list(table.values()), default=None, return_dtype=pl.String
        )

    def weekday(self, date: pl.Expr) -> pl.Expr:
        """By Polars' calendar."""
        day = date.str.to_date("%Y-%m-%d", strict=False).dt.weekday()
        return self.pad(day.cast(pl.String), 2)
