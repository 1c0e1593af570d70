"""What Spark's validators fit in every fold: the plan if wanted, balance, assembly, learner."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
from pyspark.ml import Estimator, Model
from pyspark.ml.param import Param

from throughline.balance.balance import balanced
from throughline.balance.row import ROW
from throughline.features.fitting import fit_plan
from throughline.features.layout import Layout
from throughline.features.plan import Plan
from throughline.models.spark_family import SparkFamily
from throughline.models.spark_pipeline import as_spark_ml_wants, pipeline
from throughline.preparation import selection_of
from throughline.prepared import PreparedTable
from throughline.splitting.splitting import add_folds
from throughline.tuning.fits import At, Fits

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


HELD_OUT = "__held_out"
"""The column that says in which fold a row is held out."""


def labelled(frame: Any, label: str) -> "DataFrame":
    """The rows of a Narwhals frame that have a label, on Spark."""
    rows: DataFrame = frame.filter(~nw.col(label).is_null()).to_native()
    return rows


class FoldEstimator(Estimator[Any]):
    """Fits a family's pipeline on a fold's training rows.

    Its parameters are those of the grid, whatever Spark's estimator calls them. With a plan to
    learn anew, the rows are raw and labelled: what the plan learns, it learns from the fold's
    training rows alone, once for all parameters. Else they are prepared. Balancing is of the
    fold's training rows, too.

    Args:
        family: The family.
        table: The prepared table.
        fixed: Parameters that are not in the grid.
        names: Those that are.
        anew: Whether to learn the plan anew.
    """

    fits: Fits

    def __init__(
        self,
        family: SparkFamily,
        table: PreparedTable,
        fixed: Mapping[str, Any],
        names: Iterable[str],
        anew: bool,
    ) -> None:
        super().__init__()
        self._family, self._recipe, self._plan = family, table.recipe, table.plan
        self._fixed, self._names, self.anew = dict(fixed), list(names), anew
        for name in self._names:
            setattr(self, name, Param(self, name, f"the grid's {name}"))  # where Spark looks
        self._open, self._fold, self.here = ExitStack(), -1, threading.local()

    def telling(self, fits: Fits) -> "FoldEstimator":
        """The same, which tells ``fits`` what fails."""
        self.fits = fits
        return self

    @property
    def grid(self) -> "dict[str, Param[Any]]":
        """The parameters that are in the grid."""
        return {name: getattr(self, name) for name in self._names}

    def fitMultiple(  # noqa: N802 (Spark's name)
        self,
        dataset: "DataFrame",
        paramMaps: Sequence[Mapping[Any, Any]],  # noqa: N803
    ) -> "Iterator[tuple[int, FoldModel | NoModel]]":
        """Fits the pipeline with each of the parameters; the rows are made ready once."""
        self._fold += 1
        return _Each(self, self._ready(dataset), list(paramMaps), self._fold)

    def _fit(self, dataset: "DataFrame") -> "FoldModel":
        self.fits.check_some_finished()
        values = {name: self.getOrDefault(param) for name, param in self.grid.items()}
        return self.fitted(self._ready(dataset), values, At(-1, -1, time.monotonic()))

    def fitted(self, ready: "Ready", values: Mapping[str, Any], at: At) -> "FoldModel":
        """The pipeline with some parameters, fitted on rows that are ready."""
        chosen = {**self._fixed, **values}
        learner = self._family.learner(ready.layout, chosen)
        model = pipeline(ready.layout, learner).fit(ready.rows)
        return FoldModel(self, ready, learner, model, chosen, at)

    def close(self) -> None:
        """Lets go of the rows of the last fold."""
        self._open.close()

    def _ready(self, dataset: "DataFrame") -> "Ready":
        self.close()
        label = self._plan.layout.label
        plan, rows = self._plan, dataset
        if self.anew:
            folded = add_folds(dataset, self._recipe.split, label, self._recipe.key)
            selection = selection_of(self._recipe, self._plan.layout.classes)
            plan = fit_plan(self._recipe.prepare, folded.drop(ROW, HELD_OUT), selection)
            rows = labelled(
                plan.transform_to_train(nw.from_native(folded), keep=[label, ROW]), label
            )
        layout = plan.layout
        if self._recipe.balance:
            unweighted = layout.model_copy(update={"weight": None})
            rows, layout, _ = self._open.enter_context(
                balanced(rows, unweighted, self._recipe.balance)
            )
        ready = as_spark_ml_wants(rows, layout).cache()
        self._open.callback(ready.unpersist)
        return Ready(ready, layout, plan)


@dataclass(frozen=True)
class Ready:
    """Training rows as a learner takes them.

    Attributes:
        rows: Prepared, balanced, cached.
        layout: Theirs.
        plan: That made them.
    """

    rows: "DataFrame"
    layout: Layout
    plan: Plan


class FoldModel(Model):
    """A fitted pipeline, with the plan before it if that was learnt anew."""

    def __init__(
        self,
        estimator: FoldEstimator,
        ready: Ready,
        learner: Any,
        pipeline: Any,
        chosen: dict[str, Any],
        at: At,
    ) -> None:
        super().__init__()
        self.estimator, self.ready, self.at = estimator, ready, at
        self.learner, self.pipeline, self.chosen = learner, pipeline, chosen

    def _transform(self, dataset: "DataFrame") -> "DataFrame":
        self.estimator.here.at = self.at
        layout = self.ready.layout
        rows = dataset
        if self.estimator.anew:
            frame = self.ready.plan.transform(nw.from_native(rows), keep=[layout.label])
            rows = labelled(frame, layout.label)
        found: DataFrame = self.pipeline.transform(as_spark_ml_wants(rows, layout))
        return found


class NoModel(Model):
    """What comes of a fit that failed: it leaves the rows as they are, which nobody measures."""

    def __init__(self, estimator: FoldEstimator, at: At) -> None:
        super().__init__()
        self.estimator, self.at = estimator, at

    def _transform(self, dataset: "DataFrame") -> "DataFrame":
        self.estimator.here.at = self.at
        return dataset


class _Each:
    """Hands the fitted models out, to several threads."""

    def __init__(
        self,
        estimator: FoldEstimator,
        ready: Ready,
        maps: list[Mapping[Any, Any]],
        fold: int,
    ) -> None:
        self._estimator, self._ready, self._maps, self._fold = estimator, ready, maps, fold
        self._places = iter(range(len(maps)))
        self._lock = threading.Lock()

    def __iter__(self) -> "_Each":
        return self

    def __next__(self) -> "tuple[int, FoldModel | NoModel]":
        with self._lock:
            place = next(self._places)
        estimator, at = self._estimator, At(self._fold, place, time.monotonic())
        values = {param.name: value for param, value in self._maps[place].items()}
        if not estimator.fits.has_failed(place):
            try:
                return place, estimator.fitted(self._ready, values, at)
            except Exception as error:  # the other sets of parameters survive it
                estimator.fits.failed(at, error)
        return place, NoModel(estimator, at)
