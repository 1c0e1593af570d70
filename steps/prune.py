"""Lists prepared data and runs that nothing uses any more, and removes them if told so."""

import os
import sys
import time
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

from throughline.step import Parser, run_step


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, lists, removes, logs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--data_root", default="data", help="where tables are written")
    parser.add_argument("--keep_days", type=float, default=14.0, help="runs as recent stay")
    parser.add_argument("--remove", default="no", choices=["no", "yes"], help="no: list only")
    options = parser.parse_args(arguments)

    import mlflow

    from throughline.caching.prune import Pruning
    from throughline.tracking import FIGURE, STEP, step_run

    with step_run("prune"):
        pruning = Pruning(options.data_root, options.keep_days, round(time.time() * 1000))
        found = pruning.find()
        for output, size in found.outputs.items():
            print(f"{size / 1e6:10.1f} MB  {output.uri}")
        for run in found.runs:
            print(f"run {run.info.run_id}  {run.data.tags.get(STEP, run.info.run_name)}")
        if options.remove == "yes":
            found = pruning.remove(found)
        total = sum(found.outputs.values()) / 1e6
        told = f"{len(found.runs)} runs, {len(found.outputs)} tables of {total:.1f} MB"
        if options.remove == "yes":
            print(f"removed {told}; mlflow gc removes the deleted runs' own files")
        else:
            print(f"unused: {told}; -P remove=yes removes them")
        mlflow.set_tag(FIGURE, f"{told} {'removed' if options.remove == 'yes' else 'unused'}")


if __name__ == "__main__":
    run_step(main)
