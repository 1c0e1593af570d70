"""Trains the recipe's network on several workers, which read shards through Petastorm."""

import os
import sys
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

from throughline.step import Parser, run_step


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, trains on all workers, logs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--prep_run", default="latest", help="the run of prep, or 'latest'")
    parser.add_argument(
        "--recipe", default="prep", help="the recipe to train by; prep: the one that prep was given"
    )
    parser.add_argument("--set", default="none", help="other values in what prep does not use")
    parser.add_argument(
        "--workers", default="2", help="how many, or auto: the cluster's places, or GPUs, or cores"
    )
    parser.add_argument("--epochs", type=int, default=10, help="the most passes over the rows")
    parser.add_argument(
        "--launcher", default="auto", help="auto, process, horovodrun, spark, databricks or torch"
    )
    parser.add_argument(
        "--min_workers", default="all", help="so many are enough to go on when some are lost"
    )
    parser.add_argument(
        "--resume",
        default="auto",
        help="auto: go on with a training that was ended; none: start anew; or a run to go on from",
    )
    options = parser.parse_args(arguments)

    import mlflow

    from throughline.caching.cache import keyed_run
    from throughline.candidate import log_candidate, summary
    from throughline.distributed.network_family import Launching, network_of, train_network
    from throughline.distributed.places import workers_of
    from throughline.prepared import table_for_training
    from throughline.tracking import FIGURE, takes_table, training_time

    with keyed_run("distributed_train", vars(options)) as keyed:
        table = table_for_training(options.prep_run, options.recipe, options.set)
        takes_table(table)
        model = network_of(table.recipe)
        least = None if options.min_workers == "all" else workers_of(options.min_workers)
        workers = workers_of(options.workers)
        how = Launching(workers, options.launcher, least, options.resume, keyed.code)
        with training_time():
            trained = train_network(table, {**model.parameters, "epochs": options.epochs}, how)
        found = log_candidate(table, trained, model.title)
        mlflow.set_tag(FIGURE, summary(found.metrics, table.recipe.metric))


if __name__ == "__main__":
    run_step(main)
