"""``hash``: very many categories into a fixed number of buckets (the hashing trick).

Source: Weinberger, Dasgupta, Langford, Smola and Attenberg, "Feature hashing for large scale
multitask learning", ICML 2009.
"""

import zlib
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
from pydantic import Field

from throughline.errors import UserError
from throughline.features.columns import ColumnsOp
from throughline.features.layout import View
from throughline.features.native import collected, like
from throughline.features.op import FittedOp, Frame, Kind, Learnt, Schema, quoted
from throughline.features.schema import input_types

if TYPE_CHECKING:
    import polars as pl
    from pyspark.sql import Column, DataFrame


class FittedHash(FittedOp):
    """The number of buckets of some columns; the bucket after the last is for missing values."""

    name: ClassVar[str] = "hash"
    columns: tuple[str, ...]
    buckets: int

    def apply(self, frame: Frame) -> Frame:
        """Replaces each column by its bucket.

        One kernel per engine, for Narwhals has no hash: Spark has CRC-32 built in; Polars' own hash
        differs between versions, so Python hashes the different values of a batch once each.
        """
        native = frame.to_native()
        if frame.implementation.is_pyspark():
            codes = {column: self._on_spark(column) for column in self.columns}
            return nw.from_native(native.withColumns(codes))
        rows = collected(native)
        buckets = [self._on_polars(rows[column]) for column in self.columns]
        return nw.from_native(like(native, rows.with_columns(buckets)))

    def _on_spark(self, column: str) -> "Column":
        from pyspark.sql import functions as F

        bucket = F.crc32(F.col(quoted(column)).cast("string")) % self.buckets
        return F.coalesce(bucket, F.lit(self.buckets)).cast("int")

    def _on_polars(self, values: "pl.Series") -> "pl.Series":
        import polars as pl

        text = values.cast(pl.String)
        different = text.drop_nulls().unique()
        codes = [zlib.crc32(value.encode()) % self.buckets for value in different]
        known: Any = pl.Series(codes, dtype=pl.Int32)
        found = text.replace_strict(different, known, default=self.buckets, return_dtype=pl.Int32)
        return found.alias(values.name)

    def categories(self) -> dict[str, tuple[int, View]]:
        """One code per bucket, and one for missing values."""
        return {column: (self.buckets + 1, "embed") for column in self.columns}

    def describe(self) -> dict[str, str]:
        """The number of buckets."""
        return dict.fromkeys(self.columns, f"{self.buckets} buckets by CRC-32, one more if missing")


class Hash(ColumnsOp):
    """Encodes very many categories as one of ``buckets`` codes: the CRC-32 of the text, modulo.

    Nothing is learnt, and so an unseen value has a bucket too. Values that share a bucket cannot be
    told apart. Missing values have a code of their own, after the last bucket. Whole numbers are
    hashed as text; decimal numbers are refused, for engines write them in different ways.
    """

    name: ClassVar[str] = "hash"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"text", "number"})

    buckets: int = Field(default=1024, ge=2, le=65_536)

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The same columns, as codes."""
        return dict.fromkeys(self.columns, "category")

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedHash:
        """There is nothing to learn.

        Raises:
            UserError: If a column holds decimal numbers.
        """
        types = input_types(training)
        for column in self.columns:
            if types[column] == "double":
                raise UserError(
                    f"The op hash cannot read the column {column!r}, which holds decimal numbers; "
                    "it reads text and whole numbers, so use bin for this one."
                )
        return FittedHash(columns=self.columns, buckets=self.buckets)
