"""The same rows on both engines, for tests of what has to be the same on them."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import polars as pl

ROW = "__row"
SPARK_TYPES = {
    "double": "double",
    "long": "bigint",
    "string": "string",
    "timestamp": "timestamp",
    "boolean": "boolean",
}
POLARS_TYPES = {
    "double": pl.Float64(),
    "long": pl.Int64(),
    "string": pl.String(),
    "timestamp": pl.Datetime("us", "UTC"),
    "boolean": pl.Boolean(),
}
OF_PYTHON = {
    float: "double",
    int: "long",
    str: "string",
    dt.datetime: "timestamp",
    bool: "boolean",
}


def _type(values: Sequence[Any]) -> str:
    return next((OF_PYTHON[type(value)] for value in values if value is not None), "double")


def _plain(value: Any) -> Any:
    """Numbers and flags as floats, which is what a prepared table holds."""
    if isinstance(value, bool | int | float):
        return float(value)
    return value


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12) or left != left != right
    return bool(left == right)


class Both:
    """The same rows on Spark and on Polars; what differs between them fails the test."""

    def __init__(self, spark: Any) -> None:
        self.spark = spark

    def training(
        self, columns: Mapping[str, Sequence[Any]], types: Mapping[str, str] | None = None
    ) -> Any:
        """Rows on Spark, to fit on."""
        from pyspark.sql.types import StructField, StructType, _parse_datatype_string

        kinds = {name: (types or {}).get(name, _type(v)) for name, v in columns.items()}
        fields = [
            StructField(name, _parse_datatype_string(SPARK_TYPES.get(kind, kind)))
            for name, kind in kinds.items()
        ]
        rows = list(zip(*columns.values(), strict=True))
        return self.spark.createDataFrame(rows, StructType(fields)).coalesce(1)

    def serving(
        self, columns: Mapping[str, Sequence[Any]], types: Mapping[str, str] | None = None
    ) -> pl.DataFrame:
        """The same rows on Polars, as a served model types them."""
        return pl.DataFrame(
            {
                name: pl.Series(values, dtype=POLARS_TYPES[(types or {}).get(name, _type(values))])
                for name, values in columns.items()
            }
        )

    def fit(self, op: Any, columns: Mapping[str, Sequence[Any]], **types: str) -> Any:
        """Fits one op on rows."""
        from throughline.features.fitting import fit_ops

        (fitted,) = fit_ops([op], self.training(columns, types))
        return fitted

    def apply(
        self,
        do: Any,
        columns: Mapping[str, Sequence[Any]],
        **types: str,
    ) -> dict[str, list[Any]]:
        """Applies a fitted op (or a function of a frame) on both; returns what both give.

        Numbers come back as floats. Rows are in the order they had; times are left out.
        """
        do = do if callable(do) else do.apply
        count = len(next(iter(columns.values())))
        rows = {**columns, ROW: list(range(count))}
        on_polars = (
            do(nw.from_native(self.serving(rows, types))).to_native().to_dict(as_series=False)
        )
        on_spark = self._collected(do(nw.from_native(self.training(rows, types))).to_native())
        times = [name for name, values in columns.items() if _type(values) == "timestamp"]
        for found in (on_polars, on_spark):
            for name in {*times, *(n for n, k in types.items() if k == "timestamp")}:
                found.pop(name, None)
        on_polars = {name: [_plain(v) for v in values] for name, values in on_polars.items()}
        assert set(on_spark) == set(on_polars)
        for name, values in on_polars.items():
            pairs = list(zip(values, on_spark[name], strict=True))
            assert all(_same(*pair) for pair in pairs), f"{name}: (polars, spark) {pairs}"
        del on_polars[ROW]
        return on_polars

    def _collected(self, frame: Any) -> dict[str, list[Any]]:
        rows = sorted(frame.collect(), key=lambda row: row[ROW])
        return {name: [_plain(row[i]) for row in rows] for i, name in enumerate(frame.columns)}
