"""The rows of a part that a candidate is evaluated on, as a request carries them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from throughline.evaluation.metrics import Labels
from throughline.prepared import PreparedTable
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
    rows = table.raw_rows(name, columns=inputs | {*recipe.slices, *_drawn_by(recipe.split)})
    return Part(name, rows, table.labels_of(rows), blocks_of(rows, recipe.split))


def blocks_of(rows: "pd.DataFrame", split: Split) -> npt.NDArray[np.int64]:
    """The block of each row: its day or its group, where the split is by time or by group.

    Days are counted from the first row on. Rows of less than :data:`FEWEST_BLOCKS` days are cut
    into as many blocks of equal length. A column that is known only afterwards is not among raw
    rows; then each row is a block.
    """
    import pandas as pd

    drawn_by = [name for name in _drawn_by(split) if name in rows]
    if not drawn_by:
        return np.arange(len(rows))
    if split.by:
        moments = pd.to_datetime(rows[split.by], utc=True)
        seconds = (moments - moments.min()).dt.total_seconds().to_numpy()
        length = min(_DAY_SECONDS, (seconds.max() + 1) / FEWEST_BLOCKS)
        return np.unique(seconds // length, return_inverse=True)[1].astype(np.int64)
    numbers = rows.groupby(drawn_by, dropna=False, sort=False).ngroup()
    return np.asarray(numbers, dtype=np.int64)


def block_of(split: Split) -> str:
    """What a block is, in words."""
    return "days" if split.by else "groups" if split.group else "rows"


def _drawn_by(split: Split) -> tuple[str, ...]:
    return split.columns if split.by or split.group else ()
