"""Searches for the best parameters, every trial a child run; the best ones end as a candidate."""

import os
import sys
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

from throughline.step import Parser, number_or_recipe, run_step

METHODS = ("recipe", "hyperopt", "cross_validation", "train_validation_split")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, searches, trains with the best parameters, logs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--prep_run", default="latest", help="the run of prep, or 'latest'")
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="recipe",
        help="recipe: hyperopt where the recipe has a search, else cross_validation of its grid",
    )
    parser.add_argument(
        "--max_evals", type=number_or_recipe, default=None, help="trials, or 'recipe' for its own"
    )
    parser.add_argument(
        "--set", default="none", help="other values in search or grid_search, as in search.seed=3"
    )
    options = parser.parse_args(arguments)

    import mlflow

    from throughline.candidate import log_candidate, log_refitted, summary
    from throughline.prepared import PreparedTable
    from throughline.tracking import FIGURE, prepared_uri, step_run
    from throughline.tuning.families import SEARCHED
    from throughline.tuning.tuning import tune

    with step_run("tune") as run:
        table = PreparedTable.open(prepared_uri(options.prep_run))
        tuned = tune(table, run, options.method, options.max_evals, options.set)
        found = log_candidate(table, tuned.trained, tuned.title)
        mlflow.set_tag(FIGURE, summary(found.metrics, table.recipe.metric))
        if tuned.refit == "all":
            family, threshold = SEARCHED[tuned.family], found.metrics.get("threshold")
            log_refitted(table, family, tuned.trained, tuned.title, threshold)


if __name__ == "__main__":
    run_step(main)
