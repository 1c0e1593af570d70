"""``rename``: columns under new names."""

from typing import TYPE_CHECKING, ClassVar, get_args

import narwhals as nw
from pydantic import Field, field_validator

from throughline.errors import UserError
from throughline.features.op import FittedOp, Frame, Kind, Learnt, Op, Schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class FittedRename(FittedOp):
    """The new name of each old one."""

    name: ClassVar[str] = "rename"
    columns: dict[str, str]

    def expressions(self) -> list[nw.Expr]:
        """Each column under its new name."""
        return [nw.col(old).alias(new) for old, new in self.columns.items()]

    def apply(self, frame: Frame) -> Frame:
        """Renames the columns; two of them may swap their names."""
        return super().apply(frame).drop(*(self.columns.keys() - set(self.columns.values())))

    def describe(self) -> dict[str, str]:
        """The old name of each new one."""
        return {new: f"was {old}" for old, new in self.columns.items()}


class Rename(Op):
    """Renames columns; a new name must be free, or become free by the same op."""

    name: ClassVar[str] = "rename"
    accepts: ClassVar[frozenset[Kind]] = frozenset(get_args(Kind))

    columns: dict[str, str] = Field(min_length=1, description="New names by old ones.")

    @field_validator("columns")
    @classmethod
    def _different_names(cls, columns: dict[str, str]) -> dict[str, str]:
        new = list(columns.values())
        for name in new:
            if new.count(name) > 1:
                raise ValueError(f"rename gives the name {name!r} to more than one column")
        for old, name in columns.items():
            if old == name:
                raise ValueError(f"rename gives the column {old!r} the name that it has")
        return columns

    def reads(self) -> list[str]:
        """The old names."""
        return list(self.columns)

    def removes(self) -> list[str]:
        """The old names."""
        return list(self.columns)

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that no other column has a new name."""
        after = super().check(schema)
        for old, new in self.columns.items():
            if new in schema and new not in self.columns:
                raise UserError(
                    f"The op rename cannot call the column {old!r} {new!r}: there is a column of "
                    "that name; drop that one first, or choose another name."
                )
        return after

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The new names."""
        return {new: schema[old] for old, new in self.columns.items()}

    def sources_of(self, written: str) -> list[str]:
        """A column comes from its old name."""
        return [old for old, new in self.columns.items() if new == written]

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedRename:
        """There is nothing to learn."""
        return FittedRename(columns=self.columns)
