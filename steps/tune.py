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
        "--recipe", default="prep", help="the recipe to train by; prep: the one that prep was given"
    )
    parser.add_argument(
        "--set", default="none", help="other values in search or grid_search, as in search.seed=3"
    )
    parser.add_argument(
        "--resume",
        choices=("auto", "none"),
        default="auto",
        help="auto: go on with a search that was ended; none: start anew",
    )
    options = parser.parse_args(arguments)

    import mlflow

    from throughline.caching.cache import keyed_run
    from throughline.candidate import log_candidate, log_refitted, summary
    from throughline.prepared import table_for_training
    from throughline.tracking import FIGURE, takes_table
    from throughline.tuning.families import SEARCHED
    from throughline.tuning.tuning import tune

    said = {**vars(options), "max_evals": options.max_evals or "recipe"}
    searches = ("search", "grid_search")
    with keyed_run("tune", said) as keyed:
        table = table_for_training(options.prep_run, options.recipe, options.set, searches)
        takes_table(table)
        anew, code = options.resume == "none", keyed.code
        tuned = tune(table, keyed.run, options.method, options.max_evals, code=code, anew=anew)
        found = log_candidate(table, tuned.trained, tuned.title)
        mlflow.set_tag(FIGURE, summary(found.metrics, table.recipe.metric))
        if tuned.refit == "all":
            family, threshold = SEARCHED[tuned.family], found.metrics.get("threshold")
            log_refitted(table, family, tuned.trained, tuned.title, threshold)


if __name__ == "__main__":
    run_step(main)
