"""Runs a step as a task of a Databricks job: ``task.py ROOT STEP [ARGUMENTS]``.

A task's working directory is its script's folder, and the steps want the project's.
"""

import os
import runpy
import sys


def main() -> None:
    """Runs the step's script in the project's folder."""
    root, step, *arguments = sys.argv[1:]
    os.chdir(root)
    script = os.path.join("steps", f"{step}.py")
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
