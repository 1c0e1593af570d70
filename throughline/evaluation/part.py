"""The rows of a part that a candidate is evaluated on, as a request carries them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from throughline.evaluation.metrics import Labels
from throughline.prepared import PreparedTable
from throughline.recipe.recipe import Recipe
from throughline.recipe.split import Split

if TYPE_CHECKING:
    import pandas as pd

_DAY_SECONDS = 86_400
FEWEST_BLOCKS = 20


@dataclass(frozen=True)
class Part:
    """The rows of a part, in the order of the recipe's key.

    Attributes:
        name: ``validation`` or ``test``.
        rows: n raw rows: the plan's inputs, the slices' columns, key and label.
        labels: Their labels.
        blocks: The block of each row, from 0 on: rows that a resample draws together.
    """

    name: str
    rows: "pd.DataFrame"
    labels: Labels
    blocks: npt.NDArray[np.int64]


@lru_cache(maxsize=2)  # the two parts of one table, for every candidate on it
def read_part(table: PreparedTable, name: str) -> Part:
    """Reads a part of a prepared table; nobody may change its rows."""
    recipe = table.recipe
    inputs = {column.name for column in table.plan.inputs}
    drawn_by = drawn_together_by(recipe)
    rows = table.raw_rows(name, columns=inputs | {*recipe.slices, *drawn_by})
    return Part(name, rows, table.labels_of(rows), blocks_of(rows, recipe.split, drawn_by))


def drawn_together_by(recipe: Recipe) -> tuple[str, ...]:
    """The columns that say which rows are one block; none where each row is one.

    Those of a split by time or by group, unless they are known only afterwards: raw rows do not
    have them then.
    """
    split = recipe.split
    columns = split.columns if split.by or split.group else ()
    return () if recipe.afterwards & set(columns) else tuple(columns)


def blocks_of(rows: "pd.DataFrame", split: Split, drawn_by: Sequence[str]) -> npt.NDArray[np.int64]:
    """The block of each row: its day or its group, where the split is by time or by group.

    Days are counted from the first row on. Rows of less than :data:`FEWEST_BLOCKS` days are cut
    into as many blocks of equal length.

    Args:
        rows: The rows.
        split: The recipe's split.
        drawn_by: What :func:`drawn_together_by` says.
    """
    import pandas as pd

    if not drawn_by:
        return np.arange(len(rows))
    if split.by:
        moments = pd.to_datetime(rows[split.by], utc=True)
        seconds = (moments - moments.min()).dt.total_seconds().to_numpy()
        length = min(_DAY_SECONDS, (seconds.max() + 1) / FEWEST_BLOCKS)
        return np.unique(seconds // length, return_inverse=True)[1].astype(np.int64)
    numbers = rows.groupby(list(drawn_by), dropna=False, sort=False).ngroup()
    return np.asarray(numbers, dtype=np.int64)


def block_of(recipe: Recipe) -> str:
    """What a block is, in words."""
    if not drawn_together_by(recipe):
        return "rows"
    return "days" if recipe.split.by else "groups"
