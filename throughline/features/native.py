"""What ops do on Polars at little cost for small frames: queries, and translated expressions."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import narwhals as nw
import polars as pl

PolarsFrame = TypeVar("PolarsFrame", pl.DataFrame, pl.LazyFrame)

_AS_WRITTEN = pl.QueryOptFlags._eager()
"""As Polars computes a DataFrame's own methods: no optimizer, no threads per expression; for one
row these take ten times as long as the expressions."""


def collected(frame: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """The rows of a frame that may be a query yet."""
    if isinstance(frame, pl.LazyFrame):
        return frame.collect(optimizations=_AS_WRITTEN)
    return frame


def like(frame: PolarsFrame, rows: pl.DataFrame) -> PolarsFrame:
    """Rows as a query, if ``frame`` is one."""
    return rows.lazy() if isinstance(frame, pl.LazyFrame) else rows


class Expressions:
    """Expressions to apply to frames of either engine.

    A Narwhals frame translates its expressions on every call, which takes a single row three times
    as long as computing them. So they are translated to Polars' own once. (Narwhals has no public
    name for the translation alone.)
    """

    def __init__(self, expressions: Iterable[nw.Expr]) -> None:
        self._narwhals = list(expressions)

    @cached_property
    def polars(self) -> list[pl.Expr]:
        """The expressions as Polars has them."""
        namespace: Any = nw.from_native(pl.DataFrame()).__narwhals_namespace__()
        found: list[Any] = [one._to_compliant_expr(namespace) for one in self._narwhals]
        return [translated.native for translated in found]

    def added_to(self, frame: Any) -> Any:
        """The Narwhals frame with their columns added or replaced."""
        if frame.implementation.is_polars():
            return nw.from_native(frame.to_native().with_columns(self.polars))
        return frame.with_columns(*self._narwhals) if self._narwhals else frame

    def chosen_from(self, frame: Any, keep: Sequence[str]) -> Any:
        """Their columns alone, after the columns ``keep``."""
        if frame.implementation.is_polars():
            return nw.from_native(frame.to_native().select(*keep, *self.polars))
        return frame.select(*keep, *self._narwhals)
