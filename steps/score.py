"""Scores a table of raw rows with a registered model, on Spark, into a folder of Parquet."""

import os
import sys
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

from throughline.outputs import Output
from throughline.spark import session, warm_up
from throughline.step import Parser, run_step


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, scores, logs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--model", default="flights-late", help="a registered name, or a URI")
    parser.add_argument("--alias", default="champion", help="which version of a registered name")
    parser.add_argument(
        "--table", required=True, help="rows as a request carries them: path, glob, URI"
    )
    parser.add_argument("--output", required=True, help="a new folder, as a path or URI")
    parser.add_argument("--data_root", default="data", help="where samples are kept")
    options = parser.parse_args(arguments)
    warm_up()

    import mlflow

    from throughline.scoring.model_files import ModelFiles
    from throughline.scoring.scoring import score_table
    from throughline.tracking import CONTRACT, FIGURE, step_run

    with step_run("score"), ModelFiles.find(options.model, options.alias) as model:
        output = Output.below(options.output)
        made = score_table(session(), model, options.table, output, options.data_root)
        speed = made.rows / made.seconds
        means = {f"mean_{name}": mean for name, mean in made.means.items()}
        mlflow.log_metrics({"rows": made.rows, "rows_per_second": speed, **means})
        mlflow.log_metric("contract_violations", len(made.violations))
        mlflow.set_tags({"model": model.uri, "output": output.uri})
        if model.contract:
            mlflow.set_tag(CONTRACT, model.contract.verdict(made.violations))
        mlflow.set_tag(FIGURE, f"{made.rows:,} rows at {output.uri}")


if __name__ == "__main__":
    run_step(main)
