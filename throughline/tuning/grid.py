"""A recipe's grid, by Spark's validators: every set of parameters is a child run."""

import logging
from typing import TYPE_CHECKING, Any, Literal

from throughline.balance.row import ROW, with_row
from throughline.errors import UserError
from throughline.label import encode_label
from throughline.models.families import FAMILIES
from throughline.models.family import Trained, refuse_missing, with_defaults
from throughline.models.spark_check import evaluator_of
from throughline.models.spark_family import SparkFamily
from throughline.models.spark_pipeline import refuse_taken_names
from throughline.prepared import PreparedTable
from throughline.recipe.search import GridSearch
from throughline.recipe.space import FAMILY
from throughline.spark import session
from throughline.tuning.children import TUNING_METHOD, Children
from throughline.tuning.fits import Fits, Recorded
from throughline.tuning.fold_estimator import (
    HELD_OUT,
    FoldEstimator,
    FoldModel,
    labelled,
)
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
    refuse_taken_names(wanted.family, layout)
    refuse_missing(wanted.family, table)
    session()
    evaluator = evaluator_of(recipe.metric, layout)
    anew = wanted.refit_plan or any(op.needs_folds(layout.label) for op in recipe.prepare)
    if anew and not wanted.refit_plan:
        logger.info("the plan learns from the label, so it is learnt anew in every fold")

    builder, template = ParamGridBuilder(), FoldEstimator(family, table, fixed, wanted.grid, anew)
    for name, values in wanted.grid.items():
        builder.addGrid(template.grid[name], values)
    maps = builder.build()
    sets = [{FAMILY: wanted.family, **fixed, **{p.name: v for p, v in m.items()}} for m in maps]
    folds = wanted.numFolds if method == "cross_validation" else 1
    children = Children(run, f"{method} of run {run.info.run_id}")
    fits = Fits(
        sets,
        folds,
        recipe.metric,
        lambda trial, values: children.log(trial, (f"held_out_{recipe.metric}", values)),
    )
    estimator = template.telling(fits)
    shared: dict[str, Any] = {
        "estimator": estimator,
        "estimatorParamMaps": maps,
        "evaluator": Recorded(evaluator, fits, estimator.here),
        "parallelism": _parallelism(wanted, len(maps)),
        "seed": wanted.seed,
    }
    if method == "cross_validation":
        ordered = recipe.split.by is not None
        validator: Any = RuledCrossValidator(ordered, numFolds=folds, **shared)
    else:
        validator = RuledTrainValidationSplit(trainRatio=wanted.trainRatio, **shared)
    mlflow.log_params(_own_parameters(wanted, method))
    rows = _rows(table, wanted, method, anew).persist()
    try:
        _check_folds(rows, table, method, folds)
        best: FoldModel = validator.fit(rows).bestModel
        mlflow.log_text(best.learner.explainParams(), "explain_params.txt")
        if best.ready.layout == layout and best.ready.plan.ops == table.plan.ops:
            trained = family.finished(table, best.learner, best.pipeline, best.chosen)
        else:  # what was learnt anew is not what will be served
            trained = family.train(table, best.chosen)
    finally:
        estimator.close()
        rows.unpersist()
    return [fits.trials[place] for place in sorted(fits.trials)], trained


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


def _check_folds(rows: "DataFrame", table: PreparedTable, method: Method, folds: int) -> None:
    """Raises a UserError if some fold has nothing to train on, or cannot be measured on."""
    from pyspark.sql import functions as F

    label, classes = table.layout.label, table.layout.classes
    seen = F.collect_set(label) if classes else F.array(F.lit(0), F.lit(1))
    known = rows.where(rows[label].isNotNull())
    there = {row[0]: set(row[1]) for row in known.groupBy(HELD_OUT).agg(seen).collect()}
    first = 1 if method == "cross_validation" and table.recipe.split.by else 0
    hint = "use fewer folds (numFolds), another trainRatio, or a stratified split"
    for fold in range(folds):
        found = there.get(fold + first, set())
        if not found:
            raise UserError(f"No rows are held out in fold {fold + 1}; {hint}.")
        if len(found) < 2:
            only = (classes or ())[int(found.pop())]
            raise UserError(
                f"The rows that are held out in fold {fold + 1} have only the class {only!r}; "
                f"{hint}."
            )
    trained = [values for place, values in there.items() if first == 0 or place == 0]
    if method == "train_validation_split":
        trained = [there.get(1, set())]
    if not trained or len(set().union(*trained)) < 2:
        raise UserError(f"The rows to train on in the first fold have one class only; {hint}.")


def _parallelism(wanted: GridSearch, maps: int) -> int:
    most = min(maps, session().sparkContext.defaultParallelism)
    if wanted.parallelism > most:
        why = f"the grid has {maps}" if most == maps else f"there are {most} cores"
        logger.warning("%d fits run at a time, not %d: %s", most, wanted.parallelism, why)
    return min(wanted.parallelism, most)


def _own_parameters(wanted: GridSearch, method: Method) -> dict[str, Any]:
    own = {"numFolds"} if method == "cross_validation" else {"trainRatio"}
    said = wanted.model_dump(include=own | {"family", "parallelism", "seed", "refit_plan"})
    return {TUNING_METHOD: method, **said}
