"""Spark ML's validators on rows that are held out by the recipe's rule of splitting."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyspark.ml.tuning import (
    CrossValidator,
    CrossValidatorModel,
    TrainValidationSplit,
    TrainValidationSplitModel,
)

from throughline.features.out_of_fold import FOLD
from throughline.recipe.search import GridSearch
from throughline.recipe.split import Split
from throughline.splitting.splitting import add_folds
from throughline.tuning.fold_estimator import HELD_OUT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_PIECES = 100
"""In so many pieces rows are dealt to hold a share of them out."""


class RuledCrossValidator(CrossValidator):
    """Spark's CrossValidator, with folds from the column ``HELD_OUT``.

    Spark's own ``foldCol`` calls Python for every row, and trains on what comes later than the rows
    that are held out. Where the split is by time, a fold here trains on the folds before it alone:
    of n + 1 blocks in order, the first is never held out.

    Args:
        ordered: Whether the folds are in the order of time.
        arguments: Spark's.
    """

    def __init__(self, ordered: bool, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.ordered = ordered

    def _kFold(self, dataset: "DataFrame") -> "list[tuple[DataFrame, DataFrame]]":  # noqa: N802
        held_out = dataset[HELD_OUT]
        if self.ordered:
            return [
                (dataset.where(held_out <= i), dataset.where(held_out == i + 1))
                for i in range(self.getNumFolds())
            ]
        return [
            (dataset.where(held_out != i), dataset.where(held_out == i))
            for i in range(self.getNumFolds())
        ]


class RuledTrainValidationSplit(TrainValidationSplit):
    """Spark's TrainValidationSplit, which holds out the rows whose ``HELD_OUT`` is 0.

    Spark's own draws single rows: of neighbours in time or of one group, some on each side.
    """

    def _fit(self, dataset: "DataFrame") -> TrainValidationSplitModel:
        one = RuledCrossValidator(
            False,
            numFolds=1,
            estimator=self.getEstimator(),
            estimatorParamMaps=self.getEstimatorParamMaps(),
            evaluator=self.getEvaluator(),
            parallelism=self.getParallelism(),
        )
        found: CrossValidatorModel = one.fit(dataset)
        return self._copyValues(TrainValidationSplitModel(found.bestModel, found.avgMetrics))


def held_out_in_folds(
    rows: "DataFrame", split: Split, key: Sequence[str], label: str, grid: GridSearch
) -> "DataFrame":
    """Adds ``HELD_OUT``: for each row the fold in which it is held out, from 0.

    By time there is one block more than folds, the earliest, which is 0.
    """
    folds = grid.numFolds + (1 if split.by else 0)
    return _renamed(add_folds(rows, _seeded(split, grid), label, key, folds))


def held_out_once(
    rows: "DataFrame", split: Split, key: Sequence[str], label: str, grid: GridSearch
) -> "DataFrame":
    """Adds ``HELD_OUT``: 0 for the share of rows to hold out, the last ones by time; else 1."""
    from pyspark.sql import functions as F

    pieces = _renamed(add_folds(rows, _seeded(split, grid), label, key, _PIECES))
    trained = round(grid.trainRatio * _PIECES)
    return pieces.withColumn(HELD_OUT, (F.col(HELD_OUT) < trained).cast("int"))


def _seeded(split: Split, grid: GridSearch) -> Split:
    return split.model_copy(update={"seed": grid.seed})


def _renamed(rows: "DataFrame") -> "DataFrame":
    return rows.withColumnRenamed(FOLD, HELD_OUT)
