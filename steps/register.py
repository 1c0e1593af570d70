"""Registers the best candidate, and makes it the champion if the promotion rule lets it.

With --to, a version is moved to a stage instead, or deleted. --request, --approve and --reject are
for moves that one person asks for and another decides on.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

from throughline.errors import UserError
from throughline.step import Parser, run_step

AUTO, NOTHING = "auto", "nothing"


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments; registers a candidate, or moves a version."""
    parser = Parser(description=__doc__)
    parser.add_argument("--candidates", default="latest", help="runs, by comma, or 'latest'")
    parser.add_argument("--model", default="recipe", help="the registered model's name")
    parser.add_argument(
        "--recipe", default="prep", help="whose rule counts; prep: the one that prep was given"
    )
    parser.add_argument("--set", default="none", help="other values in what prep does not use")
    stages = "none, staging, production, archived"
    parser.add_argument("--version", default="none", help="the version that is moved")
    parser.add_argument("--to", default=AUTO, help=f"moves to {stages}; or deleted")
    parser.add_argument("--request", default=NOTHING, help=f"asks for a move to {stages}")
    parser.add_argument("--approve", default=NOTHING, help="carries out the move to this stage")
    parser.add_argument("--reject", default=NOTHING, help="refuses the move to this stage")
    options = parser.parse_args(arguments)
    words = ("to", "request", "approve", "reject")
    if moves := [how for how in words if getattr(options, how) not in (AUTO, NOTHING)]:
        _move(options, moves)
    elif options.version != "none":
        raise UserError(
            f"What is to be done with version {options.version}? Beside -P version=..., give to=, "
            "request=, approve= or reject=; to register a candidate, leave version out."
        )
    else:
        _register(options)


def _register(options: Namespace) -> None:
    import mlflow

    from throughline.caching.cache import keyed_run
    from throughline.caching.lineage import lineage_of
    from throughline.prepared import under_recipe
    from throughline.registry.promotion import best_candidate, promote
    from throughline.registry.roles import check_name
    from throughline.tracking import CANDIDATE, FIGURE, candidates_of, prepared_of

    check_name(options.model)
    with keyed_run("register", vars(options), changes_inputs=True):
        candidates = candidates_of(options.candidates)
        table = under_recipe(prepared_of(candidates), options.recipe, options.set)
        best = best_candidate(candidates, table.recipe.metric)
        name = table.recipe.name if options.model == "recipe" else options.model
        made = promote(name, best, table, lineage_of(best, table))
        mlflow.log_metrics({f"test_{metric}": value for metric, value in made.metrics.items()})
        reason = made.verdict.reason
        mlflow.set_tags({"model": name, "version": made.version, "reason": reason})
        role = "champion" if made.verdict.promoted else "challenger"
        title = best.data.tags[CANDIDATE]
        mlflow.set_tag(FIGURE, f"{title} is {role}, version {made.version}: {reason}")


def _move(options: Namespace, moves: list[str]) -> None:
    """Moves a version, or asks for it, or decides on what was asked for."""
    if len(moves) > 1:
        raise UserError(f"Give one of -P {'=..., -P '.join(moves)}=..., not {len(moves)} of them.")
    (how,) = moves
    if options.model == "recipe":
        raise UserError(f"Which model? Give -P model=NAME beside -P {how}={getattr(options, how)}.")
    import mlflow

    from throughline.databricks.transition_requests import open_requests
    from throughline.registry.stages import DELETED, delete, move
    from throughline.tracking import FIGURE, step_run

    with step_run("register"):
        name, version, stage = options.model, options.version, getattr(options, how)
        if how != "to":
            done = getattr(open_requests(), how)(name, version, stage)
        elif stage == DELETED:
            done = delete(name, version)
        else:
            done = move(name, version, stage)
        mlflow.set_tags({"model": name, "version": version, FIGURE: done})
        print(done)


if __name__ == "__main__":
    run_step(main)
