"""Trains the models of the recipe, each as a child run that ends as a candidate."""

import os
import sys
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

from throughline.step import Parser, run_step


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, trains, logs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--prep_run", default="latest", help="the run of prep, or 'latest'")
    parser.add_argument("--model", default="all", help="a model of the recipe by name, or 'all'")
    parser.add_argument(
        "--recipe", default="prep", help="the recipe to train by; prep: the one that prep was given"
    )
    parser.add_argument("--set", default="none", help="other values in what prep does not use")
    parser.add_argument("--register_as", default="none", help="also register under this name")
    options = parser.parse_args(arguments)

    import mlflow

    from throughline.caching.cache import keyed_run
    from throughline.candidate import log_candidate, summary
    from throughline.evaluation.comparison import log_comparison
    from throughline.models.families import FAMILIES, models_named
    from throughline.prepared import table_for_training
    from throughline.registry.promotion import registered_version
    from throughline.registry.roles import check_name
    from throughline.tracking import FIGURE, candidates_of, takes_table, training_time

    if options.register_as != "none":
        check_name(options.register_as, "register_as")  # before hours of training
    with keyed_run("train", vars(options)) as keyed:
        table = table_for_training(options.prep_run, options.recipe, options.set)
        takes_table(table)
        models = models_named(table.recipe, options.model)
        for model in models:
            with mlflow.start_run(run_name=model.title, nested=True) as run:
                with training_time():
                    trained = FAMILIES[model.family].train(table, model.parameters)
                log_candidate(table, trained, model.title)
                if options.register_as != "none":
                    registered_version(options.register_as, mlflow.get_run(run.info.run_id), {})
        if models:
            metric = table.recipe.metric
            best = log_comparison(candidates_of(keyed.run.info.run_id), metric)
            mlflow.set_tag(FIGURE, f"{best.title}: {summary(best.metrics, metric)}")


if __name__ == "__main__":
    run_step(main)
