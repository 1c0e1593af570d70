"""Trains the recipe's network under Horovod, the workers reading shards through Petastorm."""

import os
import sys

sys.path.insert(0, os.getcwd())

from throughline.step import Parser, run_step


def main() -> None:
    """Parses the arguments, trains on all workers, logs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--prep_run", default="latest", help="the run of prep, or 'latest'")
    parser.add_argument("--workers", type=int, default=2, help="how many workers")
    parser.add_argument("--epochs", type=int, default=10, help="the most passes over the rows")
    parser.add_argument("--launcher", default="auto", help="auto, process or horovodrun")
    arguments = parser.parse_args()

    import mlflow

    from throughline.candidate import log_candidate, summary
    from throughline.distributed.recipe_network import network_of, train_network
    from throughline.prepared import PreparedTable
    from throughline.tracking import FIGURE, prepared_uri, step_run, training_time

    with step_run("distributed_train"):
        table = PreparedTable.open(prepared_uri(arguments.prep_run))
        model = network_of(table.recipe)
        with training_time():
            trained = train_network(
                table, model, arguments.workers, arguments.epochs, arguments.launcher
            )
        found = log_candidate(table, trained, model.title)
        mlflow.set_tag(FIGURE, summary(found.metrics, table.recipe.metric))


if __name__ == "__main__":
    run_step(main)
