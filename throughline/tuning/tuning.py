"""Tuning: the recipe's search or its grid, a page about it, and the best parameters trained."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from throughline.errors import UserError
from throughline.models.family import Trained
from throughline.prepared import PreparedTable
from throughline.recipe.file import with_overrides
from throughline.recipe.recipe import Recipe
from throughline.recipe.search import Refit
from throughline.tracking import training_time
from throughline.tuning.children import TUNING_METHOD
from throughline.tuning.families import SEARCHED
from throughline.tuning.page import log_page

if TYPE_CHECKING:
    from mlflow.entities import Run

logger = logging.getLogger(__name__)

Method = Literal["recipe", "hyperopt", "cross_validation", "train_validation_split"]


@dataclass(frozen=True)
class Tuned:
    """The best parameters, trained.

    Attributes:
        family: Their family.
        trained: The model, trained on the training rows.
        refit: Whether the recipe wants it trained once more, on validation rows too.
    """

    family: str
    trained: Trained
    refit: Refit

    @property
    def title(self) -> str:
        """The candidate's name, for people."""
        return f"tuned {self.family}"


def tune(
    table: PreparedTable,
    run: "Run",
    method: Method = "recipe",
    max_evals: int | None = None,
    overrides: str = "none",
    *,
    code: str = "",
    anew: bool = False,
) -> Tuned:
    """Searches, logs every trial as a child of ``run`` and a page, and trains the best parameters.

    Args:
        table: The prepared table.
        run: The run, which is active.
        method: Hyperopt's trials, or one of Spark's validators; by the recipe if left open.
        max_evals: How many trials, if not as many as the recipe says.
        overrides: Values in the place of those of ``search`` and ``grid_search``.
        code: Names the code and the packages, as for ``search``.
        anew: Whether trials of a search that was ended early are made again.

    Raises:
        UserError: If the recipe has nothing to search, or the search cannot be.
    """
    recipe = with_overrides(table.recipe, overrides, ("search", "grid_search"))
    if method == "recipe":
        method = "hyperopt" if recipe.search else "cross_validation"
    if method == "hyperopt":
        return _by_trials(table, recipe, run, max_evals, code=code, anew=anew)
    if max_evals is not None:
        logger.warning("max_evals is not used: a grid has as many sets of parameters as it has")
    return _by_grid(table, recipe, run, method)


def _by_trials(
    table: PreparedTable,
    recipe: Recipe,
    run: "Run",
    max_evals: int | None,
    *,
    code: str,
    anew: bool,
) -> Tuned:
    import mlflow

    from throughline.tuning.search import search

    wanted = recipe.search
    if wanted is None:
        raise UserError(
            f"The recipe {recipe.name} has no 'search'; add one, or tune its 'grid_search' by "
            "method=cross_validation."
        )
    if max_evals is not None:
        wanted = wanted.model_copy(update={"max_evals": max_evals})
    said: dict[str, Any] = wanted.model_dump(exclude={"space", "parameters", "family"})
    named = {f"search.{name}": value for name, value in said.items()}
    mlflow.log_params({TUNING_METHOD: "hyperopt", **named})
    mlflow.log_dict(wanted.model_dump(mode="json"), "search.json")
    found = search(table, wanted, run, code=code, anew=anew)
    mlflow.log_metrics(
        {
            "best_validation": found.value,
            "trials_finished": sum(trial.value is not None for trial in found.trials),
        }
    )
    log_page(found.trials, recipe.metric, "the validation rows")
    with training_time():
        trained = SEARCHED[found.family].train(table, found.parameters)
    return Tuned(found.family, trained, wanted.refit)


def _by_grid(
    table: PreparedTable,
    recipe: Recipe,
    run: "Run",
    method: Literal["cross_validation", "train_validation_split"],
) -> Tuned:
    import mlflow

    from throughline.tuning.grid import search_grid

    wanted = recipe.grid_search
    if wanted is None:
        raise UserError(
            f"The recipe {recipe.name} has no 'grid_search'; add one, as in grid_search: "
            "{family: spark_gbt, grid: {maxDepth: [3, 5]}}, or tune its 'search' by "
            "method=hyperopt."
        )
    with training_time():
        trials, trained = search_grid(table, wanted, method, run)
    mlflow.log_metric("trials_finished", len(trials))
    log_page(trials, recipe.metric, "the rows held out of the training rows")
    return Tuned(wanted.family, trained, wanted.refit)
