"""Prepares a table as a recipe says: features, split and feature plan, written as Parquet."""

import os
import sys

sys.path.insert(0, os.getcwd())

from throughline.outputs import Output
from throughline.recipe_file import load_recipe
from throughline.spark import session, warm_up
from throughline.step import Parser, fraction, run_step


def main() -> None:
    """Parses the arguments, prepares, logs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--recipe", default="recipes/flights.yaml", help="the recipe's file")
    parser.add_argument("--data_root", default="data", help="where tables are written")
    parser.add_argument("--fraction", type=fraction, default=1.0, help="share of the rows to take")
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe)
    warm_up()

    import mlflow

    from throughline.preparation import prepare
    from throughline.tracking import FIGURE, PREPARED, step_run

    with step_run("prep") as run:
        output = Output.below(arguments.data_root, "prepared", recipe.name, run.info.run_id)
        mlflow.log_artifact(arguments.recipe)
        made = prepare(session(), recipe, output, arguments.data_root, fraction=arguments.fraction)
        mlflow.log_metrics({f"rows_{part}": count for part, count in made.rows.items()})
        mlflow.log_text(made.plan.to_json(), "plan.json")
        figure = ", ".join(f"{count:,} {part}" for part, count in made.rows.items()) + " rows"
        mlflow.set_tags({PREPARED: output.uri, FIGURE: figure})


if __name__ == "__main__":
    run_step(main)
