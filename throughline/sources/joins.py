"""Joining the recipe's tables: every key on the right is unique, or it is an error."""

from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.features.op import quoted
from throughline.strict import nearest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from throughline.recipe import Join


def join_table(left: "DataFrame", right: "DataFrame", join: "Join") -> "DataFrame":
    """Joins ``right`` as the recipe says, its columns under the join's prefix.

    Raises:
        UserError: If a key column is missing, a key stands twice on the right (the rows of the left
            table would be doubled), or both tables have a column of the same name.
    """
    for key in join.on:
        for table, name in ((left, "left"), (right, join.table)):
            if key not in table.columns:
                raise UserError(
                    f"The join with {join.table} wants the column {key!r}, which the {name} table "
                    f"does not have; {nearest(key, table.columns)}."
                )
    _keys_are_unique(right, join)
    renamed = right.select(
        *[right[quoted(key)] for key in join.on],
        *[right[quoted(c)].alias(join.prefix + c) for c in right.columns if c not in join.on],
    )
    doubled = sorted(set(left.columns) & set(renamed.columns) - set(join.on))
    if doubled:
        raise UserError(
            f"The join with {join.table} would make a second column {doubled[0]!r}; "
            "give the join a prefix."
        )
    return left.join(renamed, on=list(join.on), how=join.how)


def _keys_are_unique(right: "DataFrame", join: "Join") -> None:
    keys = [quoted(key) for key in join.on]
    doubled = right.dropna(subset=list(join.on)).groupBy(*keys).count().where("count > 1").head(3)
    if doubled:
        some = "; ".join(", ".join(str(row[key]) for key in join.on) for row in doubled)
        raise UserError(
            f"The join with {join.table} on {', '.join(join.on)} finds keys that stand there more "
            f"than once ({some}); join on more columns, or make the keys unique."
        )
