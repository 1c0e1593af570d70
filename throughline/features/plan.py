"""The feature plan: the fitted ops in order, as JSON; the same on Spark and on Polars."""

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Literal

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

from throughline.features.layout import Layout
from throughline.features.native import Expressions, collected
from throughline.features.op import FittedOp, Frame, quoted
from throughline.features.out_of_fold import with_folds
from throughline.features.registry import FITTED_OPS
from throughline.features.schema import InputType


class Input(BaseModel):
    """A column of the raw row that the plan reads; optional where training rows missed it."""

    model_config = ConfigDict(frozen=True)

    name: str
    type: InputType
    optional: bool = True


class Origin(BaseModel):
    """Where a feature came from: raw columns, and the ops that they went through, in order."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[str, ...]
    ops: tuple[str, ...] = ()


class Plan(BaseModel):
    """What was learnt from the training rows, and the layout of the table that comes out.

    Attributes:
        format: The version of this file's format; a plan of another one is refused.
        inputs: The raw columns that the ops need.
        ops: The fitted ops, in order.
        layout: The columns that come out.
        origins: Where each of them came from.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    inputs: tuple[Input, ...]
    ops: tuple[FittedOp, ...]
    layout: Layout
    origins: dict[str, Origin] = Field(default_factory=dict)

    @field_serializer("ops")
    def _write_ops(self, ops: tuple[FittedOp, ...]) -> list[dict[str, Any]]:
        return [{"op": op.name, **op.model_dump()} for op in ops]

    @field_validator("ops", mode="before")
    @classmethod
    def _read_ops(cls, ops: Iterable[Any]) -> list[FittedOp]:
        def read(state: Any) -> FittedOp:
            if isinstance(state, FittedOp):
                return state
            fields = dict(state)
            return FITTED_OPS[fields.pop("op")].model_validate(fields)

        return [read(op) for op in ops]

    @cached_property
    def _features(self) -> Expressions:
        types = {"numeric": nw.Float32, "category": nw.Int32}
        return Expressions(nw.col(f.name).cast(types[f.kind]) for f in self.layout.features)

    def transform(self, frame: Frame, keep: Sequence[str] = ()) -> Frame:
        """Raw rows in, feature columns out, in the layout's order and types; every row is kept.

        Args:
            frame: A Narwhals frame with the columns of ``inputs``.
            keep: Columns to hand through, before the features.
        """
        if frame.implementation.is_polars():
            query = finite(nw.from_native(self._query(frame.to_native(), keep)))
            return nw.from_native(collected(query.to_native()))
        for op in self.ops:
            frame = op.apply(frame)
        return finite(self._features.chosen_from(frame, keep))

    def arrays_of(self, rows: pl.DataFrame) -> dict[str, npt.NDArray[Any]]:
        """What :meth:`transform` makes of n raw rows, as an array of shape (n,) per feature.

        What is missing is NaN. A server asks for this: on one row, the check for infinities takes
        an array no time, and Polars a quarter of the whole plan's.
        """
        columns = collected(self._query(rows, ())).iter_columns()
        return {column.name: _finite_array(column) for column in columns}

    def _query(self, rows: pl.DataFrame, keep: Sequence[str]) -> pl.LazyFrame:
        """The features of Polars rows as one query, as far as the ops are expressions.

        For one row, most of the time goes into starting queries.
        """
        query = rows.lazy()
        for op in self.ops:
            query = op.added_to(query)
        return query.select(*keep, *self._features.polars)

    def transform_to_train(self, frame: Frame, keep: Sequence[str] = ()) -> Frame:
        """Like :meth:`transform`, for the training rows that the plan was fitted on, on Spark."""
        frame = nw.from_native(with_folds(frame.to_native(), self.layout.label))
        for op in self.ops:
            frame = op.apply_in_training(frame)
        return finite(self._features.chosen_from(frame, keep))

    def to_json(self) -> str:
        """The plan as readable JSON."""
        return json.dumps(self.model_dump(), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Reads what :meth:`to_json` wrote."""
        return cls.model_validate_json(text)


def finite(frame: Frame) -> Frame:
    """Makes what float32 cannot hold a missing value: estimators refuse infinities.

    One kernel per engine: on Polars one expression for all columns, which costs a request less.
    """
    native = frame.to_native()
    if frame.implementation.is_pyspark():
        from pyspark.sql import functions as F

        def held(name: str, kind: str) -> Any:
            column = F.col(quoted(name))
            inside = F.when(F.abs(column) < float("inf"), column).alias(name)
            return inside if kind == "float" else column

        return nw.from_native(native.select([held(name, kind) for name, kind in native.dtypes]))
    numbers = pl.col(pl.Float32)
    return nw.from_native(native.with_columns(pl.when(numbers.is_finite()).then(numbers)))


def _finite_array(column: pl.Series) -> npt.NDArray[Any]:
    values = column.to_numpy()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return np.where(np.isfinite(values), values, np.float32(np.nan))
    return values


if __name__ == "__main__":
    import sys

    from throughline.features.show import main  # reads plans with the module of the full name

    sys.exit(main(sys.argv[1:]))
