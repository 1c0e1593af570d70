"""Ops that do the same to each of several columns, and how a recipe names columns."""

from typing import Annotated

from pydantic import AfterValidator, Field

from throughline.features.op import Kind, Op, Schema


def _each_once(columns: tuple[str, ...]) -> tuple[str, ...]:
    for column in columns:
        if columns.count(column) > 1:
            raise ValueError(f"the column {column!r} stands twice; name it once")
    return columns


Names = Annotated[tuple[str, ...], AfterValidator(_each_once)]
"""Names of columns, each once."""

Columns = Annotated[Names, Field(min_length=1)]
"""Names of columns: one or more, each once."""


class ColumnsOp(Op):
    """An op that does the same to each of its columns."""

    columns: Columns

    def reads(self) -> list[str]:
        """The columns."""
        return list(self.columns)


class NumberPerColumn(ColumnsOp):
    """An op that adds a number for each of its columns, named ``<column>_<op>``."""

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """One number per column."""
        return {self.output(column): "number" for column in self.columns}

    def sources_of(self, written: str) -> list[str]:
        """A number comes from its own column."""
        return [column for column in self.columns if written == self.output(column)]

    @classmethod
    def output(cls, column: str) -> str:
        """The name of a column's number."""
        return f"{column}_{cls.name}"
