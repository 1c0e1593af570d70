"""Raw rows as the Polars frame that a plan reads: from pandas, or from plain values."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from throughline.features.plan import Input
from throughline.moments import in_utc

if TYPE_CHECKING:
    import pandas as pd

_FEW = 32

POLARS: dict[str, pl.DataType] = {
    "double": pl.Float64(),
    "long": pl.Int64(),
    "string": pl.String(),
    "timestamp": pl.Datetime("us", "UTC"),
    "boolean": pl.Boolean(),
}


def raw_frame(rows: "pd.DataFrame", inputs: "tuple[Input, ...]") -> pl.DataFrame:
    """Raw rows as a Polars frame of the plan's inputs; not-a-number and infinity are missing."""
    return pl.DataFrame([_series(rows, column) for column in inputs])


def typed_frame(columns: Mapping[str, Sequence[Any]], inputs: "tuple[Input, ...]") -> pl.DataFrame:
    """The same of plain values, finite or None; numbers of a whole column may be floats.

    Few rows are handed over as rows: making a series of one value takes as long as a thousand.
    """
    schema = {column.name: POLARS[column.type] for column in inputs}
    values = {
        column.name: [_whole(value) for value in columns[column.name]]
        if column.type == "long"
        else columns[column.name]
        for column in inputs
    }
    if len(columns[inputs[0].name]) <= _FEW:
        rows = list(zip(*values.values(), strict=True))
        return pl.DataFrame(rows, schema=schema, orient="row", infer_schema_length=0)
    return pl.DataFrame(values, schema=schema)


def _whole(value: float | None) -> int | None:
    return int(value) if value is not None and -(2**63) <= value < 2**63 else None


def _series(rows: "pd.DataFrame", column: Input) -> pl.Series:
    dtype = POLARS[column.type]
    if column.name not in rows.columns:
        return pl.Series(column.name, [None] * len(rows), dtype=dtype)
    values = rows[column.name]
    if column.type in ("double", "long"):
        numbers = _numbers(column.name, values)
        return numbers if numbers.dtype == dtype else numbers.cast(dtype, strict=False)
    if column.type == "timestamp":
        return pl.Series(column.name, _moments(values), dtype=dtype)
    return pl.Series(column.name, _plain(values, str if column.type == "string" else bool), dtype)


def _numbers(name: str, values: "pd.Series[Any]") -> pl.Series:
    if values.dtype.kind in "iu":
        return pl.Series(name, values.to_numpy())  # exact beyond 2**53 too
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = np.isfinite(numbers)
    held = numbers if finite.all() else np.where(finite, numbers, np.nan)
    return pl.Series(name, held, nan_to_null=True)


def _moments(values: "pd.Series[Any]") -> npt.NDArray[np.datetime64]:
    naive = values.dtype.kind == "M" and not hasattr(values.dtype, "tz")
    return (values if naive else in_utc(values)).to_numpy(dtype="datetime64[us]")


def _plain(values: "pd.Series[Any]", cast: type) -> list[Any]:
    found = values.tolist()
    if all(value is None or type(value) is cast for value in found):
        return found
    known = values.notna().to_numpy()
    return [cast(v) if ok else None for v, ok in zip(found, known, strict=True)]
