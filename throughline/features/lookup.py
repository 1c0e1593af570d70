"""A small table that a plan carries and joins: keys on the left, figures on the right."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl
from pydantic import BaseModel, ConfigDict

from throughline.features.native import PolarsFrame, collected, like
from throughline.features.op import Frame

if TYPE_CHECKING:
    import pandas as pd


FEW = 32
"""So many rows look their figures up one by one; more are joined."""


class Lookup(BaseModel):
    """Figures per key, stored by column.

    Attributes:
        keys: For each key column its values.
        figures: For each figure column its values, in the same order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: dict[str, list[bool | int | float | str]]
    figures: dict[str, list[float | None]]

    @classmethod
    def of(
        cls, keys: Sequence[str], figures: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> "Lookup":
        """Builds a lookup from rows that hold the key columns first, then the figures."""
        columns = list(zip(*rows, strict=True)) or [() for _ in (*keys, *figures)]
        return cls(
            keys={name: list(columns[i]) for i, name in enumerate(keys)},
            figures={name: list(columns[len(keys) + i]) for i, name in enumerate(figures)},
        )

    @cached_property
    def _tables(self) -> "_Tables":
        figures = {
            name: pl.Series(values, dtype=pl.Float64) for name, values in self.figures.items()
        }
        return _Tables(pl.DataFrame({**self.keys, **figures}))

    def join(self, frame: Frame) -> Frame:
        """Adds the figure columns to ``frame``; missing where the key is not known.

        One kernel per engine: Spark broadcasts the table instead of shuffling the rows.
        """
        native = frame.to_native()
        if frame.implementation.is_pyspark():
            from pyspark.sql import functions as F

            native = native.drop(*self.figures)
            schema = self._spark_schema(native)
            table = native.sparkSession.createDataFrame(self._pandas(), schema)
            return nw.from_native(native.join(F.broadcast(table), on=list(self.keys), how="left"))
        return nw.from_native(self.joined_to(native))

    def joined_to(self, native: PolarsFrame) -> PolarsFrame:
        """What :meth:`join` does to a Polars frame or query; of a query it computes the rows."""
        rows = collected(native)
        if there := [name for name in self.figures if name in rows.columns]:
            rows = rows.drop(there)
        table = self._tables.keyed_like(rows, tuple(self.keys))
        return like(native, table.joined_to(rows))

    def _pandas(self) -> "pd.DataFrame":
        """The table as Spark takes it over through Arrow, without a Python worker."""
        import pandas as pd

        columns = {**self.keys, **self.figures}
        return pd.DataFrame({n: pd.Series(v, dtype=object) for n, v in columns.items()})

    def _spark_schema(self, native: Any) -> Any:
        from pyspark.sql.types import DoubleType, StructField, StructType

        fields = [StructField(name, native.schema[name].dataType) for name in self.keys]
        return StructType([*fields, *[StructField(name, DoubleType()) for name in self.figures]])


class _Tables:
    """A lookup on Polars, with its keys in the types of the frames it is joined to."""

    def __init__(self, table: pl.DataFrame) -> None:
        self._table = table
        self._by_types: dict[tuple[pl.DataType, ...], _Table] = {}

    def keyed_like(self, frame: pl.DataFrame, keys: Sequence[str]) -> "_Table":
        """The table whose keys have a frame's types; made once for each."""
        types = pl.Schema({name: frame.schema[name] for name in keys})
        known = tuple(types.values())
        if known not in self._by_types:
            self._by_types[known] = _Table(self._table.cast(types), tuple(keys))
        return self._by_types[known]


class _Table:
    """A lookup on Polars, whose keys have the types of the frames it is joined to."""

    def __init__(self, table: pl.DataFrame, keys: tuple[str, ...]) -> None:
        self._table = table
        self._keys = keys
        # Decimal keys are joined: a dictionary would have its own opinion of not-a-number.
        self._exact = not any(table.schema[name].is_float() for name in keys)

    @cached_property
    def _places(self) -> dict[tuple[Any, ...], int]:
        return {key: place for place, key in enumerate(self._table.select(self._keys).iter_rows())}

    @cached_property
    def _figures(self) -> dict[str, list[float | None]]:
        return self._table.drop(self._keys).to_dict(as_series=False)

    def joined_to(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the figures; a few rows look theirs up, which takes no query."""
        if not self._exact or rows.height > FEW:
            return rows.join(self._table, on=self._keys, how="left", maintain_order="left")
        keys = zip(*[rows[name].to_list() for name in self._keys], strict=True)
        places = [self._places.get(key) for key in keys]
        return rows.hstack(
            [
                pl.Series(name, [None if p is None else values[p] for p in places], pl.Float64)
                for name, values in self._figures.items()
            ]
        )
