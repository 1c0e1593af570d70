"""Registers the best candidate, and makes it the champion if the promotion rule lets it."""

import os
import sys
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

from throughline.step import Parser, run_step


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, compares, registers, logs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--candidates", default="latest", help="runs, by comma, or 'latest'")
    parser.add_argument("--model", default="recipe", help="the registered model's name")
    parser.add_argument(
        "--recipe", default="prep", help="whose rule counts; prep: the one that prep was given"
    )
    parser.add_argument("--set", default="none", help="other values in what prep does not use")
    options = parser.parse_args(arguments)

    import mlflow

    from throughline.caching.cache import keyed_run
    from throughline.prepared import under_recipe
    from throughline.registry import best_candidate, promote
    from throughline.tracking import CANDIDATE, FIGURE, candidates_of, prepared_of

    with keyed_run("register", vars(options), changes_inputs=True):
        candidates = candidates_of(options.candidates)
        table = under_recipe(prepared_of(candidates), options.recipe, options.set)
        best = best_candidate(candidates, table.recipe.metric)
        name = table.recipe.name if options.model == "recipe" else options.model
        made = promote(name, best, table)
        mlflow.log_metrics({f"test_{metric}": value for metric, value in made.metrics.items()})
        reason = made.verdict.reason
        mlflow.set_tags({"model": name, "version": made.version, "reason": reason})
        role = "champion" if made.verdict.promoted else "challenger"
        title = best.data.tags[CANDIDATE]
        mlflow.set_tag(FIGURE, f"{title} is {role}, version {made.version}: {reason}")


if __name__ == "__main__":
    run_step(main)
