"""Searches for the best parameters with Hyperopt; the best ones end as a candidate."""

import os
import sys

sys.path.insert(0, os.getcwd())

from throughline.errors import UserError
from throughline.step import Parser, run_step


def main() -> None:
    """Parses the arguments, searches, trains with the best parameters, logs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--prep_run", default="latest", help="the run of prep, or 'latest'")
    parser.add_argument("--max_evals", type=int, default=0, help="trials; 0: as the recipe says")
    arguments = parser.parse_args()
    if arguments.max_evals < 0:
        raise UserError("max_evals must be above 0; 0 takes the recipe's number.")

    import mlflow

    from throughline.candidate import log_candidate, summary
    from throughline.models.families import FAMILIES
    from throughline.prepared import PreparedTable
    from throughline.tracking import FIGURE, prepared_uri, step_run, training_time
    from throughline.tuning.hyperopt import search

    with step_run("tune"):
        table = PreparedTable.open(prepared_uri(arguments.prep_run))
        wanted = table.recipe.search
        if wanted is None:
            raise UserError(f"The recipe {table.recipe.name} has no 'search' to tune.")
        best = search(table, wanted, arguments.max_evals or wanted.max_evals)
        mlflow.log_metrics({"best_validation": best.value, "trials_finished": best.trials})
        with training_time():
            trained = FAMILIES[wanted.family].train(table, best.parameters)
        found = log_candidate(table, trained, f"tuned {wanted.family}")
        mlflow.set_tag(FIGURE, summary(found.metrics, table.recipe.metric))


if __name__ == "__main__":
    run_step(main)
