"""What Spark's validators fit in every fold: the plan if wanted, balance, assembly, learner."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw
from pyspark.ml import Estimator, Model
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.param import Param

from throughline.balance.balance import balanced
from throughline.balance.row import ROW
from throughline.features.fitting import fit_plan
from throughline.features.layout import Layout
from throughline.features.plan import Plan
from throughline.models.spark_family import SparkFamily
from throughline.models.spark_pipeline import as_spark_ml_wants, pipeline
from throughline.preparation import selection_of
from throughline.recipe.recipe import Recipe
from throughline.splitting.splitting import add_folds

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


HELD_OUT = "__held_out"
"""The column that says in which fold a row is held out."""


def labelled(frame: Any, label: str) -> "DataFrame":
    """The rows of a Narwhals frame that have a label, on Spark."""
    rows: DataFrame = frame.filter(~nw.col(label).is_null()).to_native()
    return rows


@dataclass
class Fits:
    """The fits of a validation: which fold and parameters a thread works on, and what came out.

    Attributes:
        values: The metric by the place of the parameters, then by fold.
        seconds: Likewise, what fitting and measuring took.
        fold: The fold at work, from 0.
    """

    values: dict[int, dict[int, float]] = field(default_factory=dict)
    seconds: dict[int, dict[int, float]] = field(default_factory=dict)
    fold: int = -1
    here: threading.local = field(default_factory=threading.local)


class FoldEstimator(Estimator[Any]):
    """Fits a family's pipeline on a fold's training rows.

    Its parameters are those of the grid, whatever Spark's estimator calls them. With a plan to
    learn anew, the rows are raw and labelled: what the plan learns, it learns from the fold's
    training rows alone, once for all parameters. Else they are prepared. Balancing is of the
    fold's training rows, too.

    Args:
        family: The family.
        recipe: The recipe.
        plan: The plan of the whole table.
        fixed: Parameters that are not in the grid.
        names: Those that are.
        anew: Whether to learn the plan anew.
        fits: Takes what comes out.
    """

    def __init__(
        self,
        family: SparkFamily,
        recipe: Recipe,
        plan: Plan,
        fixed: Mapping[str, Any],
        names: Sequence[str],
        anew: bool,
        fits: Fits,
    ) -> None:
        super().__init__()
        self._family, self._recipe, self._plan = family, recipe, plan
        self._fixed, self._names, self.anew, self.fits = dict(fixed), list(names), anew, fits
        for name in names:
            setattr(self, name, Param(self, name, f"the grid's {name}"))  # where Spark looks
        self._open = ExitStack()

    @property
    def grid(self) -> "dict[str, Param[Any]]":
        """The parameters that are in the grid."""
        return {name: getattr(self, name) for name in self._names}

    def fitMultiple(  # noqa: N802 (Spark's name)
        self,
        dataset: "DataFrame",
        paramMaps: Sequence[Mapping[Any, Any]],  # noqa: N803
    ) -> "Iterator[tuple[int, FoldModel]]":
        """Fits the pipeline with each of the parameters; the rows are made ready once."""
        self.fits.fold += 1
        ready = self._ready(dataset)
        return _Each(self, ready, list(paramMaps), self.fits.fold)

    def _fit(self, dataset: "DataFrame") -> "FoldModel":
        values = {name: self.getOrDefault(param) for name, param in self.grid.items()}
        return self.fitted(self._ready(dataset), values, -1, -1)

    def fitted(
        self, ready: "Ready", values: Mapping[str, Any], fold: int, place: int
    ) -> "FoldModel":
        """The pipeline with some parameters, fitted on rows that are ready."""
        began = time.monotonic()
        chosen = {**self._fixed, **values}
        learner = self._family.learner(ready.layout, chosen)
        model = pipeline(ready.layout, learner).fit(ready.rows)
        return FoldModel(self, ready, learner, model, chosen, At(fold, place, began))

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
class At:
    """Which fit a model came of: its fold, the place of its parameters, and when it began."""

    fold: int
    place: int
    began: float


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
        at: "At",
    ) -> None:
        super().__init__()
        self.estimator, self.ready, self.learner, self.pipeline = (
            estimator,
            ready,
            learner,
            pipeline,
        )
        self.chosen, self.at = chosen, at

    def _transform(self, dataset: "DataFrame") -> "DataFrame":
        self.estimator.fits.here.at = self.at
        layout = self.ready.layout
        rows = dataset
        if self.estimator.anew:
            frame = self.ready.plan.transform(nw.from_native(rows), keep=[layout.label])
            rows = labelled(frame, layout.label)
        found: DataFrame = self.pipeline.transform(as_spark_ml_wants(rows, layout))
        return found


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

    def __next__(self) -> tuple[int, FoldModel]:
        with self._lock:
            place = next(self._places)
        values = {param.name: value for param, value in self._maps[place].items()}
        return place, self._estimator.fitted(self._ready, values, self._fold, place)


class Recorded(Evaluator):
    """An evaluator of Spark's that tells what it found for which fold and parameters."""

    def __init__(self, evaluator: Any, fits: Fits, tell: Any) -> None:
        super().__init__()
        self.evaluator, self.fits, self.tell = evaluator, fits, tell

    def _evaluate(self, dataset: "DataFrame") -> float:
        at = self.fits.here.at
        value = float(self.evaluator.evaluate(dataset))
        self.fits.values.setdefault(at.place, {})[at.fold] = value
        self.fits.seconds.setdefault(at.place, {})[at.fold] = time.monotonic() - at.began
        self.tell(value)
        return value

    def isLargerBetter(self) -> bool:  # noqa: N802 (Spark's name)
        """As the evaluator has it."""
        return bool(self.evaluator.isLargerBetter())
