"""Joining the recipe's tables: every key on the right is unique, or it is an error."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.features.op import quoted
from throughline.features.schema import kinds_of
from throughline.strict import nearest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Observation

    from throughline.recipe.source import Join

logger = logging.getLogger(__name__)

_MATCHED = "__matched"


@dataclass(frozen=True)
class Matches:
    """How many rows found their match in a join; known once the joined rows were first written.

    Spark counts them as they pass, so it costs no pass of its own.
    """

    table: str
    observation: "Observation"

    def log(self) -> None:
        """Logs the share of rows without a match; waits until rows have passed."""
        found = self.observation.get
        rows, lost = found["rows"], found["rows"] - found["matched"]
        share = f"{lost:,} of {rows:,} rows ({lost / max(rows, 1):.1%})".replace("%", " %")
        logger.info("%s have no match in %s", share, self.table)


def join_table(
    left: "DataFrame", right: "DataFrame", join: "Join", matches: "list[Matches] | None" = None
) -> "DataFrame":
    """Joins ``right`` as the recipe says, its columns under the join's prefix.

    Args:
        left: The rows so far.
        right: The table to join.
        join: The recipe's join.
        matches: Takes, where given, the count of the rows that find a match.

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
    _keys_are_alike(left, right, join)
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
    if matches is None:
        return left.join(renamed, on=list(join.on), how=join.how)
    return _observed(left, renamed, join, matches)


def _observed(
    left: "DataFrame", right: "DataFrame", join: "Join", matches: list[Matches]
) -> "DataFrame":
    from pyspark.sql import Observation
    from pyspark.sql import functions as F

    marked = left.join(right.withColumn(_MATCHED, F.lit(True)), on=list(join.on), how="left")
    observation = Observation()
    rows, matched = F.count(F.lit(1)).alias("rows"), F.count(_MATCHED).alias("matched")
    counted = marked.observe(observation, rows, matched)
    matches.append(Matches(join.table, observation))
    kept = counted.where(F.col(_MATCHED)) if join.how == "inner" else counted
    return kept.drop(_MATCHED)


def _keys_are_alike(left: "DataFrame", right: "DataFrame", join: "Join") -> None:
    """Spark would compare 01067 with 1067 as numbers."""
    here, there = kinds_of(left), kinds_of(right)
    for key in join.on:
        if here.get(key) != there.get(key):
            raise UserError(
                f"The join with {join.table} on {key!r} would compare {here.get(key, 'other')} "
                f"with {there.get(key, 'other')}; give both tables a column of one kind."
            )


def _keys_are_unique(right: "DataFrame", join: "Join") -> None:
    keys = [quoted(key) for key in join.on]
    doubled = right.dropna(subset=list(join.on)).groupBy(*keys).count().where("count > 1").head(3)
    if doubled:
        some = "; ".join(", ".join(str(row[key]) for key in join.on) for row in doubled)
        raise UserError(
            f"The join with {join.table} on {', '.join(join.on)} finds keys that stand there more "
            f"than once ({some}); join on more columns, or make the keys unique."
        )
