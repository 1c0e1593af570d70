"""``drop``: columns that are not needed any more."""

from typing import TYPE_CHECKING, ClassVar, get_args

from pydantic import Field

from throughline.features.op import FittedOp, Frame, Kind, Learnt, Op, Schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class FittedDrop(FittedOp):
    """The columns to drop."""

    name: ClassVar[str] = "drop"
    columns: tuple[str, ...]

    def apply(self, frame: Frame) -> Frame:
        """Drops the columns."""
        return frame.drop(*self.columns)

    def describe(self) -> dict[str, str]:
        """What is dropped."""
        return dict.fromkeys(self.columns, "dropped")


class Drop(Op):
    """Drops columns; no op after it can read them, and they become no features."""

    name: ClassVar[str] = "drop"
    accepts: ClassVar[frozenset[Kind]] = frozenset(get_args(Kind))

    columns: tuple[str, ...] = Field(min_length=1)

    def reads(self) -> list[str]:
        """The columns to drop: they have to be there."""
        return list(self.columns)

    def removes(self) -> list[str]:
        """The same columns."""
        return list(self.columns)

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """Nothing."""
        return {}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedDrop:
        """There is nothing to learn."""
        return FittedDrop(columns=self.columns)
