"""A small table that a plan carries and joins: keys on the left, figures on the right."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl
from pydantic import BaseModel, ConfigDict

from throughline.features.op import Frame

if TYPE_CHECKING:
    import pandas as pd


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
        native = native.drop(*self.figures, strict=False)
        table = self._tables.keyed_like(native, tuple(self.keys))
        return nw.from_native(
            native.join(table, on=list(self.keys), how="left", maintain_order="left")
        )

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
        self._by_types: dict[tuple[pl.DataType, ...], pl.DataFrame] = {}

    def keyed_like(self, frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
        """The table whose keys have a frame's types; made once for each."""
        types = pl.Schema({name: frame.schema[name] for name in keys})
        known = tuple(types.values())
        if known not in self._by_types:
            self._by_types[known] = self._table.cast(types)
        return self._by_types[known]
