"""Where a recipe's rows come from."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from throughline.expressions import check_condition
from throughline.login import login_in_table
from throughline.strict import Strict


def _without_login(table: str) -> str:
    if refused := login_in_table(table):
        raise ValueError(refused)
    return table


Table = Annotated[str, AfterValidator(_without_login)]
"""The name, path or address of a table."""


class Join(Strict):
    """A table joined to the right of the main one."""

    table: Table
    on: tuple[str, ...] = Field(min_length=1)
    how: Literal["left", "inner"]
    prefix: str = Field(default="", description="Put before the names of the table's columns.")


class Source(Strict):
    """Where the rows come from."""

    table: Table = Field(description="sample:<package>/<table>, or a path to Parquet, CSV or JSON.")
    joins: tuple[Join, ...] = ()
    where: str | None = Field(default=None, description="A condition; other rows are left out.")

    @field_validator("where")
    @classmethod
    def _condition(cls, where: str | None) -> str | None:
        return where if where is None else check_condition(where)
