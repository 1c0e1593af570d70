"""Out-of-fold learning: a training row sees what the rows of the other folds told of the label.

What is learnt from a row's own label leaks it; see Micci-Barreca, "A preprocessing scheme for
high-cardinality categorical attributes", SIGKDD Explorations 3(1), 2001, for the encoding, and the
stacking literature (Wolpert, "Stacked generalization", 1992) for the folds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import narwhals as nw
from pydantic import BaseModel, ConfigDict

from throughline.errors import UserError
from throughline.features.groups import GroupFigures
from throughline.features.lookup import Lookup
from throughline.features.op import Frame, Learnt, quoted
from throughline.features.schema import input_types

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

T = TypeVar("T")

FOLD = "__fold"
"""The column of a training row's fold, from 0 to ``FOLDS - 1``."""

FOLDS = 5

EVERY = -1
"""In the place of a fold: what the rows of all folds told, for rows that are not trained on."""


def with_folds(training: "DataFrame", label: str | None) -> "DataFrame":
    """The rows with their fold; where none was given, it follows from a row's other values."""
    from pyspark.sql import functions as F

    if FOLD in training.columns:
        return training
    values = [F.col(quoted(name)) for name in input_types(training) if name != label]
    return training.withColumn(FOLD, F.pmod(F.xxhash64(*values), F.lit(FOLDS)).cast("int"))


def others(training: "DataFrame") -> "DataFrame":
    """Each row once for every fold but its own, and once for ``EVERY``.

    Grouped by ``FOLD``, this is what the other folds tell a row, and what all of them do.
    """
    from pyspark.sql import functions as F

    every = F.array(*[F.lit(fold) for fold in (EVERY, *range(FOLDS))])
    elsewhere = F.explode(F.array_except(every, F.array(FOLD)))
    return training.withColumn(FOLD, elsewhere)


class FoldFigures(BaseModel):
    """For the training rows of each fold, the figures that the other folds' rows tell.

    Attributes:
        lookup: The figures per group and fold.
        whole: Per fold the figures of all rows of the other folds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lookup: Lookup
    whole: dict[int, dict[str, float | None]]

    def join(self, frame: Frame) -> Frame:
        """Adds the figures; as in ``GroupFigures`` where a group is not known elsewhere."""
        filled = [nw.coalesce(nw.col(name), self._whole(name)) for name in self.lookup.figures]
        return self.lookup.join(frame).with_columns(*filled)

    def _whole(self, name: str) -> nw.Expr:
        found: nw.Expr = nw.lit(None, dtype=nw.Float64)
        for fold, figures in self.whole.items():
            value = nw.lit(figures[name], dtype=nw.Float64)
            found = nw.when(nw.col(FOLD) == fold).then(value).otherwise(found)
        return found


def by_fold(
    keys: Sequence[str],
    rows: Iterable[Sequence[Any]],
    whole: Mapping[int, dict[str, float | None]],
) -> tuple[GroupFigures, FoldFigures]:
    """Figures for serving, and figures for the training rows.

    Args:
        keys: The columns that make a group.
        rows: A fold or ``EVERY``, then a group's keys, then its figures.
        whole: The whole table's figures, for ``EVERY`` and each fold.
    """
    names = list(whole[EVERY])
    served: list[Sequence[Any]] = []
    trained: list[Sequence[Any]] = []
    for row in rows:
        (served if row[0] == EVERY else trained).append(row)
    return (
        GroupFigures(
            lookup=Lookup.of(keys, names, [row[1:] for row in served]), whole=whole[EVERY]
        ),
        FoldFigures(
            lookup=Lookup.of([FOLD, *keys], names, trained),
            whole={fold: whole[fold] for fold in range(FOLDS)},
        ),
    )


def known_here(elsewhere: T | None) -> T:
    """What training rows get, which is known only where the op was fitted, and kept in no file."""
    if elsewhere is None:
        raise RuntimeError("a plan that was read from a file is not for its training rows")
    return elsewhere


def check_label_is_a_number(op: str, learnt: Learnt) -> None:
    """Checks that a mean of the label says something: it is a number, or one of two classes.

    Raises:
        UserError: If it has more classes.
    """
    if learnt.classes is not None and learnt.classes > 2:
        raise UserError(
            f"The op {op} cannot compute with the label {learnt.label!r}, which has "
            f"{learnt.classes} classes; it is for numbers and for two classes."
        )
