"""Reads a table and drafts a recipe for it, with a comment for every choice."""

import os
import sys
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

from throughline.step import Parser, run_step


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, drafts, writes, logs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--table", required=True, help="a path, glob or URI, or sample:...")
    parser.add_argument("--recipe", default="recipes/mine.yaml", help="the file to write")
    parser.add_argument("--label", default="none", help="the label's column; none: the likeliest")
    parser.add_argument("--data_root", default="data", help="where samples are kept")
    options = parser.parse_args(arguments)

    from throughline.drafting.file import new_recipe_file
    from throughline.spark import session, warm_up

    path = new_recipe_file(options.recipe)
    warm_up()

    import mlflow

    from throughline.drafting.drafting import draft_for
    from throughline.recipe.file import parse_recipe
    from throughline.tracking import FIGURE, step_run

    with step_run("init"):
        text = draft_for(session(), options.table, options.data_root, options.label)
        label = parse_recipe(text, str(path)).label
        path.write_text(text, encoding="utf-8")
        mlflow.log_text(text, "recipe.yaml")
        mlflow.set_tag(FIGURE, f"{path}: {label.task} of {label.name}")
        print(f"\n{text}\nwritten to {path}")


if __name__ == "__main__":
    run_step(main)
