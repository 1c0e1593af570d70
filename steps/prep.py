"""Prepares a table as a recipe says: features, split and feature plan, written as Parquet."""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, os.getcwd())

from throughline.databricks.mount_option import NO_MOUNT, mounted
from throughline.outputs import Output
from throughline.recipe.file import load_recipe
from throughline.spark import session, warm_up
from throughline.step import Parser, fraction, run_step


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, prepares, logs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--recipe", default="recipes/flights.yaml", help="the recipe's file")
    parser.add_argument("--set", default="none", help="recipe values, as in split.seed=3,...")
    parser.add_argument("--data_root", default="data", help="where tables are written")
    parser.add_argument("--fraction", type=fraction, default=1.0, help="share of the rows to take")
    parser.add_argument("--contract", default="none", help="an earlier run of prep, or 'latest'")
    parser.add_argument(
        "--mount", default=NO_MOUNT, help="storage for a folder, as in /mnt/raw=wasbs://..."
    )
    options = parser.parse_args(arguments)
    recipe = load_recipe(options.recipe, options.set)
    source = mounted(recipe, options.mount).source
    warm_up()

    import mlflow

    from throughline.caching.cache import keyed_run
    from throughline.caching.results import REPORT
    from throughline.preparation import prepare
    from throughline.prepared import PreparedTable, contract_of
    from throughline.report.writing import write_report
    from throughline.tracking import CONTRACT, FIGURE, PREPARED, TABLE

    with keyed_run("prep", vars(options)) as keyed:
        run_id = keyed.run.info.run_id
        output = Output.below(options.data_root, "prepared", recipe.name, run_id)
        mlflow.log_artifact(options.recipe)
        rule = recipe.contract.model_dump()
        named = options.contract != "none"
        earlier = contract_of(options.contract).ruled(**rule) if named else None
        made = prepare(
            session(),
            recipe,
            output,
            options.data_root,
            source=source,
            fraction=options.fraction,
            earlier=earlier,
            key=keyed.digest_now,
        )
        rows = {f"rows_{part}": count for part, count in made.rows.items()}
        mlflow.log_metrics(rows | made.balance)
        mlflow.log_text(made.plan.to_json(), "plan.json")
        mlflow.log_text(made.contract.to_json(), "contract.json")
        with tempfile.TemporaryDirectory() as folder:
            write_report(session(), output, recipe, made.plan, Path(folder))
            mlflow.log_artifacts(folder, REPORT)
        if earlier:
            mlflow.set_tag(CONTRACT, earlier.verdict(made.violations))
        figure = ", ".join(f"{count:,} {part}" for part, count in made.rows.items()) + " rows"
        table = PreparedTable(output)
        mlflow.set_tags({PREPARED: output.uri, FIGURE: figure, TABLE: table.key})


if __name__ == "__main__":
    run_step(main)
