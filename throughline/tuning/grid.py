"""A recipe's grid, by Spark's validators: every set of parameters is a child run."""

import logging
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from throughline.balance.row import ROW, with_row
from throughline.errors import UserError
from throughline.label import encode_label
from throughline.models.families import FAMILIES
from throughline.models.family import Trained, refuse_missing, refused_values, with_defaults
from throughline.models.spark_check import evaluator_of
from throughline.models.spark_family import SparkFamily
from throughline.prepared import PreparedTable
from throughline.recipe.search import GridSearch
from throughline.recipe.space import FAMILY
from throughline.spark import session
from throughline.tuning.children import Children
from throughline.tuning.fold_estimator import (
    HELD_OUT,
    Fits,
    FoldEstimator,
    FoldModel,
    Recorded,
    labelled,
)
from throughline.tuning.progress import Progress
from throughline.tuning.trial import Trial
from throughline.tuning.validators import (
    RuledCrossValidator,
    RuledTrainValidationSplit,
    held_out_in_folds,
    held_out_once,
)

if TYPE_CHECKING:
    from mlflow.entities import Run
    from pyspark.sql import DataFrame

logger = logging.getLogger(__name__)

Method = Literal["cross_validation", "train_validation_split"]


def search_grid(
    table: PreparedTable, wanted: GridSearch, method: Method, run: "Run"
) -> tuple[list[Trial], Trained]:
    """Fits every set of parameters in every fold, and the best one on all training rows.

    Args:
        table: The prepared table; its training rows are held out in turn.
        wanted: The recipe's grid.
        method: Which of Spark's validators.
        run: The run, which is active; each set of parameters becomes a child of it.

    Returns:
        The sets of parameters, whose ``value`` is the mean of the folds; and the best one, trained.

    Raises:
        UserError: If the grid cannot be, or a fold has one class only.
    """
    import mlflow
    from pyspark.ml.tuning import ParamGridBuilder

    recipe, layout = table.recipe, table.layout
    family = FAMILIES[wanted.family]
    assert isinstance(family, SparkFamily)  # noqa: S101 (the recipe's own check)
    family.kind(layout)
    fixed = with_defaults(family, table, {**wanted.parameters, **dict.fromkeys(wanted.grid)})
    fixed = {name: value for name, value in fixed.items() if name not in wanted.grid}
    refuse_missing(wanted.family, table)
    evaluator = evaluator_of(recipe.metric, layout)
    anew = wanted.refit_plan or any(op.needs_folds(layout.label) for op in recipe.prepare)
    if anew and not wanted.refit_plan:
        logger.info("the plan learns from the label, so it is learnt anew in every fold")

    session()
    rows = _rows(table, wanted, method, anew).persist()
    children = Children(run, f"{method} of run {run.info.run_id}")
    children.end_dead()
    fits = Fits()
    estimator = FoldEstimator(family, recipe, table.plan, fixed, list(wanted.grid), anew, fits)
    builder = ParamGridBuilder()
    for name, values in wanted.grid.items():
        builder.addGrid(estimator.grid[name], values)
    maps = builder.build()
    folds = wanted.numFolds if method == "cross_validation" else 1
    progress = Progress("fit", len(maps) * folds, recipe.metric)
    shared: dict[str, Any] = {
        "estimator": estimator,
        "estimatorParamMaps": maps,
        "evaluator": Recorded(evaluator, fits, progress.tell),
        "parallelism": _parallelism(wanted, len(maps)),
    }
    mlflow.log_params(_own_parameters(wanted, method))
    started = time.time()
    try:
        _check_classes(rows, table, method)
        with refused_values(wanted.family, _refusals()), _missing_told():
            if method == "cross_validation":
                ordered = recipe.split.by is not None
                validator: Any = RuledCrossValidator(
                    ordered, numFolds=wanted.numFolds, seed=wanted.seed, **shared
                )
            else:
                validator = RuledTrainValidationSplit(
                    trainRatio=wanted.trainRatio, seed=wanted.seed, **shared
                )
            best: FoldModel = validator.fit(rows).bestModel
        mlflow.log_text(best.learner.explainParams(), "explain_params.txt")
        trials = _trials(maps, fixed, wanted.family, recipe.metric, fits, started)
        for trial in trials:
            children.log(trial, (f"held_out_{recipe.metric}", fits.values[trial.number]))
        trained = family.finished(table, best.learner, best.pipeline, best.chosen)
    finally:
        estimator.close()
        rows.unpersist()
    return trials, trained


def _rows(table: PreparedTable, wanted: GridSearch, method: Method, anew: bool) -> "DataFrame":
    """The training rows with ``HELD_OUT``: raw where the plan is learnt anew, else prepared."""
    import narwhals as nw

    recipe, layout, label = table.recipe, table.layout, table.layout.label
    raw = session().read.parquet(table.output.path("raw/__split=train"))
    rows = encode_label(raw, recipe.label, layout.classes)
    hold_out = held_out_in_folds if method == "cross_validation" else held_out_once
    rows = with_row(hold_out(rows, recipe.split, recipe.key, label, wanted), recipe.key)
    if anew:
        return rows
    kept = [label, HELD_OUT, *([ROW] if recipe.balance else [])]
    return labelled(table.plan.transform_to_train(nw.from_native(rows), keep=kept), label)


def _check_classes(rows: "DataFrame", table: PreparedTable, method: Method) -> None:
    """Raises a UserError if some fold cannot be measured on."""
    if table.layout.classes is None:
        return
    label = table.layout.label
    held_out = rows if method == "cross_validation" else rows.where(rows[HELD_OUT] == 0)
    found = held_out.where(rows[label].isNotNull()).select(HELD_OUT, label).distinct().collect()
    for fold in sorted({row[0] for row in found}):
        seen = {int(row[1]) for row in found if row[0] == fold}
        if len(seen) < 2:
            only = table.layout.classes[seen.pop()]
            raise UserError(
                f"The rows that are held out in fold {fold + 1} have only the class {only!r}; use "
                "fewer folds (numFolds), a smaller trainRatio, or a stratified split."
            )


def _parallelism(wanted: GridSearch, maps: int) -> int:
    most = min(maps, session().sparkContext.defaultParallelism)
    if wanted.parallelism > most:
        why = f"the grid has {maps}" if most == maps else f"there are {most} cores"
        logger.warning("%d fits run at a time, not %d: %s", most, wanted.parallelism, why)
    return min(wanted.parallelism, most)


def _own_parameters(wanted: GridSearch, method: Method) -> dict[str, Any]:
    own = {"numFolds"} if method == "cross_validation" else {"trainRatio"}
    said = wanted.model_dump(include=own | {"family", "parallelism", "seed", "refit_plan"})
    return {"method": method, **said}


def _trials(
    maps: Sequence[Mapping[Any, Any]],
    fixed: Mapping[str, Any],
    family: str,
    metric: str,
    fits: Fits,
    started: float,
) -> list[Trial]:
    trials = []
    for place, values in enumerate(maps):
        parameters = {FAMILY: family, **fixed, **{p.name: v for p, v in values.items()}}
        folds = list(fits.values[place].values())
        mean = statistics.fmean(folds)
        seconds = sum(fits.seconds[place].values())
        metrics = {
            f"mean_{metric}": mean,
            f"std_{metric}": statistics.pstdev(folds),
            "training_seconds": seconds,
        }
        drawn = {param.name: value for param, value in values.items()}
        ended = started + seconds
        trials.append(
            Trial(place, drawn, parameters, "FINISHED", metrics, mean, "", started, ended)
        )
    return trials


@contextmanager
def _missing_told() -> Iterator[None]:
    """Turns Spark's refusal of a missing feature into a user's mistake: only a fold has it."""
    from py4j.protocol import Py4JJavaError

    try:
        yield
    except Py4JJavaError as error:
        if "while assembling a row" not in str(error):
            raise
        raise UserError(
            "A plan that was learnt anew in a fold leaves features missing, which no plan of all "
            "training rows does; use fewer folds, or impute what comes of the label's means."
        ) from None


def _refusals() -> tuple[type[Exception], ...]:
    from pyspark.errors import IllegalArgumentException

    return IllegalArgumentException, TypeError
