"""The feature plan: the fitted ops in order, as JSON; the same on Spark and on Polars."""

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Literal

import narwhals as nw
from pydantic import BaseModel, ConfigDict, field_serializer, field_validator

from throughline.features.layout import Layout
from throughline.features.op import FittedOp, Frame
from throughline.features.registry import FITTED_OPS
from throughline.features.schema import InputType


class Input(BaseModel):
    """A column of the raw row that the plan reads; optional where training rows missed it."""

    model_config = ConfigDict(frozen=True)

    name: str
    type: InputType
    optional: bool = True


class Plan(BaseModel):
    """What was learnt from the training rows, and the layout of the table that comes out.

    Attributes:
        format: The version of this file's format; a plan of another one is refused.
        inputs: The raw columns that the ops need.
        ops: The fitted ops, in order.
        layout: The columns that come out.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    inputs: tuple[Input, ...]
    ops: tuple[FittedOp, ...]
    layout: Layout

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
    def _features(self) -> list[nw.Expr]:
        types = {"numeric": nw.Float32, "category": nw.Int32}
        return [nw.col(f.name).cast(types[f.kind]) for f in self.layout.features]

    def transform(self, frame: Frame, keep: Sequence[str] = ()) -> Frame:
        """Raw rows in, feature columns out, in the layout's order and types; every row is kept.

        Args:
            frame: A Narwhals frame with the columns of ``inputs``.
            keep: Columns to hand through, before the features.
        """
        for op in self.ops:
            frame = op.apply(frame)
        return frame.select(*keep, *self._features)

    def transform_for_training(self, frame: Frame, keep: Sequence[str] = ()) -> Frame:
        """Like :meth:`transform`, for rows to train on or to measure on: some may be dropped."""
        for op in self.ops:
            frame = op.apply_in_training(frame)
        return frame.select(*keep, *self._features)

    def to_json(self) -> str:
        """The plan as readable JSON."""
        return json.dumps(self.model_dump(), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Reads what :meth:`to_json` wrote."""
        return cls.model_validate_json(text)
