"""Runs a step as a DatabricksStep of Azure ML: ``azureml_task.py --step STEP [ARGUMENTS]``.

Azure ML copies this script and the project's archive to DBFS, and tells by an argument where.
"""

import argparse
import os
import runpy
import sys
import tarfile
import tempfile


def main() -> None:
    """Unpacks the project on the driver's disk, and runs the step's script there."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--step")
    parser.add_argument("--AZUREML_SCRIPT_DIRECTORY_NAME", dest="folder")
    known, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="throughline-") as root:
        place = os.path.join("/dbfs/", known.folder.strip("/"))
        with tarfile.open(os.path.join(place, "project.tar.gz")) as archive:
            archive.extractall(root, filter="data")
        os.chdir(root)
        sys.path.insert(0, root)
        from throughline.azureml.step_run import step_arguments, take_run

        arguments = step_arguments(sys.argv[1:])
        take_run(arguments)
        script = os.path.join("steps", f"{known.step}.py")
        sys.argv = [script, *arguments]
        runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
