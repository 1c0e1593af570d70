"""``smote``: synthetic rows for the smaller classes, made on Spark.

The larger classes are only counted. A smaller class's rows are dealt at random into blocks of about
4,096, and a row's neighbours are the nearest rows of its own block: exact in a class of that size,
those among a random sample of the class beyond it. So the work grows as the rows do, and needs no
more memory for more of them.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from throughline.balance import synthetic
from throughline.balance.row import ROW, by_class, drawn
from throughline.errors import UserError
from throughline.features.centres import known
from throughline.features.layout import Layout
from throughline.features.op import quoted
from throughline.strict import Strict

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

logger = logging.getLogger(__name__)

BLOCK_ROWS = 4096
MADE_AT_ONCE = 100_000
"""The synthetic rows that are in memory at a time, about."""

Group = tuple[int, int, int]
"""A class, a block of its rows, and the turn: a small block makes many rows in several turns."""

_GROUP = ("class", "block", "turn")


class Smote(Strict):
    """Brings smaller classes up to ``ratio`` times the largest one's rows.

    Distances are between the prepared numbers as they are: scale them first. A differing category
    counts as the median of the class's standard deviations. The result depends on the rows' keys
    and the seed.
    """

    ratio: float = Field(default=0.5, gt=0, le=1, description="Smaller class to the largest.")
    neighbors: int = Field(default=5, ge=1, le=100)
    seed: int = Field(default=7, ge=0)

    def apply(self, rows: "DataFrame", layout: Layout, counts: dict[int, int]) -> "DataFrame":
        """The rows and the synthetic ones, given how many each class has.

        Raises:
            UserError: If a class has too few rows to find neighbours, or a value is missing.
        """
        rows = rows.select(ROW, *map(quoted, _names(layout)))
        aim = int(self.ratio * max(counts.values()))
        wanted = {label: aim - count for label, count in counts.items() if count < aim}
        if not wanted:
            logger.info("smote adds nothing: every class has %d rows or more", aim)
            return rows.drop(ROW)
        self._enough_rows(wanted, layout, counts)
        smaller = rows.toDF("row", "class", *_places(layout)).where(f"class in {_sql(wanted)}")
        penalties, flags = _look_at_numbers(smaller, layout)
        grouped = self._grouped(smaller, layout, counts, wanted)
        with _pickled_whole():
            work = block_maker(layout, self, penalties, flags, _shares(grouped, wanted))
            made = smaller.drop("row").schema
            new = grouped.groupBy(*_GROUP).applyInPandas(work, made)
        return rows.drop(ROW).union(new)

    def _enough_rows(self, wanted: dict[int, int], layout: Layout, counts: dict[int, int]) -> None:
        for label, more in wanted.items():
            name = (layout.classes or ())[label]
            if counts[label] <= self.neighbors:
                raise UserError(
                    f"The class {name!r} has {counts[label]} training rows, and smote with "
                    f"{self.neighbors} neighbors needs {self.neighbors + 1}; lower "
                    "balance.smote.neighbors, take more rows or use class_weight."
                )
            logger.info("smote adds %d rows to the %d of class %r", more, counts[label], name)

    def _grouped(
        self, smaller: "DataFrame", layout: Layout, counts: dict[int, int], wanted: dict[int, int]
    ) -> "DataFrame":
        """The rows with their block, and once for every turn that the block takes."""
        from pyspark.sql import functions as F

        classes = range(len(layout.classes or ()))
        blocks = [-(-counts.get(c, 1) // BLOCK_ROWS) for c in classes]
        turns = [-(-wanted.get(c, 1) // (MADE_AT_ONCE * blocks[c])) for c in classes]
        block = F.pmod(drawn(self.seed, "row"), by_class("class", blocks)).cast("int")
        turn = F.explode(F.sequence(F.lit(0), by_class("class", turns) - 1))
        return smaller.withColumn("block", block).withColumn("turn", turn)


def _names(layout: Layout) -> list[str]:
    return [layout.label, *(feature.name for feature in layout.features)]


def _places(layout: Layout, kind: str = "") -> list[str]:
    """Names that Spark's pandas functions take, for the features, or for those of a kind."""
    return [f"f{i}" for i, f in enumerate(layout.features) if kind in ("", f.kind)]


def _sql(classes: dict[int, int]) -> str:
    return f"({', '.join(map(str, classes))})"


def _look_at_numbers(
    smaller: "DataFrame", layout: Layout
) -> tuple[dict[int, float], frozenset[str]]:
    """What a differing category adds to a distance, and which numbers are flags.

    A number that is 0 or 1 in every row of the smaller classes is a category like any other: no
    synthetic row has a flag of 0.4.

    Returns:
        Per class the median of the other numbers' standard deviations (1 where there is none), and
        the places of the flags.

    Raises:
        UserError: If a number is missing.
    """
    from pyspark.sql import functions as F

    names = _places(layout, "numeric")
    missing = [F.count_if(~known(name)) for name in names]
    deviations = [F.stddev_pop(F.col(name).cast("double")) for name in names]
    binary = [F.bool_and(F.col(name).isin(0.0, 1.0)) for name in names]
    found = smaller.groupBy("class").agg(
        F.array(F.lit(0), *missing), F.array(F.lit(0.0), *deviations), F.array(F.lit(True), *binary)
    )
    by_class = found.collect()
    flags = {n for i, n in enumerate(names) if all(row[3][1 + i] for row in by_class)}
    penalties = {}
    for label, counts, values, _ in by_class:
        for feature, count in zip(layout.numeric, counts[1:], strict=True):
            if count:
                raise UserError(
                    f"The recipe's balance.smote cannot make rows of {feature.name!r}, which has "
                    "missing values; impute it, or use class_weight."
                )
        spread = [v for name, v in zip(names, values[1:], strict=True) if name not in flags]
        penalties[int(label)] = float(np.median(spread)) if spread else 1.0
    return penalties, frozenset(flags)


def _shares(grouped: "DataFrame", wanted: dict[int, int]) -> dict[Group, int]:
    """How many rows each group is to make: in proportion to its rows, and all that are wanted."""
    counted = grouped.groupBy(*_GROUP).count().collect()
    sizes = {(int(row[0]), int(row[1]), int(row[2])): int(row[3]) for row in counted}
    shares: dict[Group, int] = {}
    for label, more in wanted.items():
        groups = sorted(group for group in sizes if group[0] == label)
        upto = np.cumsum([0, *(sizes[group] for group in groups)])
        parts = np.diff(upto * more // upto[-1])
        shares |= dict(zip(groups, map(int, parts), strict=True))
    return shares


def block_maker(
    layout: Layout,
    smote: Smote,
    penalties: dict[int, float],
    flags: frozenset[str],
    shares: dict[Group, int],
) -> "Callable[[tuple[Any, ...], pd.DataFrame], pd.DataFrame]":
    """The function that makes a group's synthetic rows; it carries all that it needs."""
    numeric = [name for name in _places(layout, "numeric") if name not in flags]
    categories = [*_places(layout, "category"), *sorted(flags)]
    names = ["class", *_places(layout)]
    neighbors, seed, make = smote.neighbors, smote.seed, synthetic.synthetic_rows

    def made(key: tuple[Any, ...], block: "pd.DataFrame") -> "pd.DataFrame":
        import numpy as np
        import pandas as pd

        group = int(key[0]), int(key[1]), int(key[2])
        block = block.sort_values("row")  # rows come in any order
        numbers, codes = make(
            block[numeric].to_numpy(dtype=np.float64),
            block[categories].to_numpy(dtype=np.int64),
            shares[group],
            neighbors,
            penalties[group[0]],
            np.random.default_rng([seed, *group]),
        )
        columns = {"class": np.full(len(numbers), group[0], dtype=np.int32)}
        columns |= dict(zip(numeric, numbers.astype(np.float32).T, strict=True))
        columns |= dict(zip(categories, codes.astype(np.int32).T, strict=True))
        columns |= {name: columns[name].astype(np.float32) for name in flags}
        return pd.DataFrame(columns)[names]

    return made


@contextmanager
def _pickled_whole() -> Iterator[None]:
    """Sends the code of :mod:`synthetic` to Spark's workers, which may not have this project."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(synthetic)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(synthetic)
