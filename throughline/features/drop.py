"""``drop``: columns that are not needed any more."""

from typing import TYPE_CHECKING, ClassVar, get_args

from throughline.features.columns import ColumnsOp
from throughline.features.op import FittedOp, Frame, Kind, Learnt, Schema

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


class Drop(ColumnsOp):
    """Drops columns; no op after it can read them, and they become no features."""

    name: ClassVar[str] = "drop"
    accepts: ClassVar[frozenset[Kind]] = frozenset(get_args(Kind))

    def removes(self) -> list[str]:
        """The same columns."""
        return list(self.columns)

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """Nothing."""
        return {}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedDrop:
        """There is nothing to learn."""
        return FittedDrop(columns=self.columns)
