"""Joining the recipe's tables: every key on the right is unique, or it is an error."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.features.op import quoted
from throughline.features.schema import kinds_of
from throughline.strict import nearest

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Observation

    from throughline.recipe.source import Join

logger = logging.getLogger(__name__)

_MATCHED, _FOUND = "__matched", "__found"


@dataclass(frozen=True)
class Matches:
    """How to tell, once the joined rows were written, for how many of them there was a match.

    Attributes:
        table: The joined table.
        columns: What a left join added: a row without a match has nothing of it.
        lost: What an inner join, which leaves no trace of rows without a match, counted while they
            passed.
    """

    table: str
    columns: tuple[str, ...] = ()
    lost: "Observation | None" = None

    def can_tell(self, rows: "DataFrame") -> bool:
        """Whether the written rows have a column that the join added, if that is what tells."""
        return self.lost is not None or not set(self.columns).isdisjoint(rows.columns)

    def figure(self, rows: "DataFrame") -> "Column":
        """How many of the written rows have something of the joined table; an aggregate."""
        from pyspark.sql import functions as F

        there = [F.col(quoted(name)).isNotNull() for name in self.columns if name in rows.columns]
        return F.count_if(reduce(or_, there, F.lit(False)))

    def log(self, rows: int, matched: int) -> None:
        """Logs the share of rows that the join found nothing for.

        Args:
            rows: How many rows were written.
            matched: Their :meth:`figure`.
        """
        if self.lost is not None:
            rows, matched = (self.lost.get[name] for name in ("rows", "matched"))
        share = f"{rows - matched:,} of {rows:,} rows ({(rows - matched) / max(rows, 1):.1%})"
        left_out = ", and are left out" if self.lost is not None else ""
        logger.info("%s have nothing of %s%s", share.replace("%", " %"), self.table, left_out)


def join_table(
    left: "DataFrame", right: "DataFrame", join: "Join", matches: "list[Matches] | None" = None
) -> "DataFrame":
    """Joins ``right`` as the recipe says, its columns under the join's prefix.

    Args:
        left: The rows so far.
        right: The table to join.
        join: The recipe's join.
        matches: Takes, where given, how to count the rows that find a match.

    Raises:
        UserError: If a key column is missing, or both tables have a column of the same name.
    """
    _has_keys(left, join, "left")
    _has_keys(right, join, join.table)
    _keys_are_alike(left, right, join)
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
    if matches is not None and join.how == "inner":
        return _observed(left, renamed, join, matches)
    if matches is not None:
        added = tuple(name for name in renamed.columns if name not in join.on)
        matches.append(Matches(join.table, added))
    return left.join(renamed, on=list(join.on), how=join.how)


def _observed(
    left: "DataFrame", right: "DataFrame", join: "Join", matches: list[Matches]
) -> "DataFrame":
    """An inner join that counts as its rows pass, which costs more than a plain one."""
    from pyspark.sql import Observation
    from pyspark.sql import functions as F

    marked = left.join(right.withColumn(_MATCHED, F.lit(True)), on=list(join.on), how="left")
    observation = Observation()
    rows, matched = F.count(F.lit(1)).alias("rows"), F.count(_MATCHED).alias("matched")
    counted = marked.observe(observation, rows, matched)
    matches.append(Matches(join.table, lost=observation))
    return counted.where(F.col(_MATCHED)).drop(_MATCHED)


def _keys_are_alike(left: "DataFrame", right: "DataFrame", join: "Join") -> None:
    """Spark would compare 01067 with 1067 as numbers."""
    here, there = kinds_of(left), kinds_of(right)
    for key in join.on:
        if here.get(key) != there.get(key):
            raise UserError(
                f"The join with {join.table} on {key!r} would compare {here.get(key, 'other')} "
                f"with {there.get(key, 'other')}; give both tables a column of one kind."
            )


def _has_keys(table: "DataFrame", join: "Join", name: str) -> None:
    for key in join.on:
        if key not in table.columns:
            raise UserError(
                f"The join with {join.table} wants the column {key!r}, which the {name} table "
                f"does not have; {nearest(key, table.columns)}."
            )


def check_keys(right: "DataFrame", join: "Join") -> None:
    """Looks for keys that stand twice on the right: the rows of the left table would be doubled.

    Raises:
        UserError: If there are any, or a key column is missing.
    """
    from pyspark.sql import functions as F

    _has_keys(right, join, join.table)
    keys = [quoted(key) for key in join.on]
    found = right.dropna(subset=list(join.on)).groupBy(*keys).agg(F.count(F.lit(1)).alias(_FOUND))
    doubled = found.where(F.col(_FOUND) > 1).head(3)
    if doubled:
        some = "; ".join(", ".join(str(row[key]) for key in join.on) for row in doubled)
        raise UserError(
            f"The join with {join.table} on {', '.join(join.on)} finds keys that stand there more "
            f"than once ({some}); join on more columns, or make the keys unique."
        )


@contextmanager
def keys_checked(rights: "Sequence[DataFrame]", joins: "Sequence[Join]") -> Iterator[None]:
    """Checks the keys of joins while the block does something else, for which Spark has room.

    Raises:
        UserError: As :func:`check_keys`, when the block has ended well.
    """
    from pyspark import inheritable_thread_target

    with ThreadPoolExecutor(max(len(joins), 1), "keys") as pool:
        check = inheritable_thread_target(check_keys)
        checks = [pool.submit(check, *pair) for pair in zip(rights, joins, strict=True)]
        yield
        for one in checks:
            one.result()
