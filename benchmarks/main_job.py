"""The main job's seconds, start-up and peak memory per step, on the whole table.

Run it in the project's environment: ``.venv/bin/python benchmarks/main_job.py [-P name=value]``.
It starts ``mlflow run .`` once, samples the resident memory of each step's processes, and prints
the figures, which also go to ``benchmarks/results/main_job.json``. A step's start-up is the time
from the start of its process until its run is open. Most of it is importing mlflow, which is
measured beside it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from resident_memory import GONE, watched

if TYPE_CHECKING:
    from mlflow.entities import Run

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks/results/main_job.json"


def main() -> None:
    """Runs the job, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-P", action="append", default=[], metavar="NAME=VALUE", dest="parameters")
    given = [word for one in parser.parse_args().parameters for word in ("-P", one)]
    store = f"sqlite:///{PROJECT}/mlflow.db"
    os.environ.setdefault("MLFLOW_TRACKING_URI", store)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    importing = statistics.median(_seconds_to_import_mlflow() for _ in range(3))
    started = time.monotonic()
    job = subprocess.Popen(["mlflow", "run", ".", "--env-manager", "local", *given], cwd=PROJECT)
    _, peaks = watched(job, _script, 0.5)
    if job.returncode:
        sys.exit(job.returncode)
    seconds = time.monotonic() - started
    found = {
        "seconds": round(seconds, 1),
        "importing_mlflow_seconds": round(importing, 1),
        "cores": os.cpu_count(),
        "champion": _champion(),
        "steps": _steps(peaks),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def _seconds_to_import_mlflow() -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import mlflow"], check=True)
    return time.monotonic() - started


def _script(process: psutil.Process) -> str:
    """The step that a process runs; empty if it runs none."""
    try:
        command = process.cmdline()
    except GONE:
        return ""
    script = command[1] if len(command) > 1 and "python" in command[0] else ""
    return Path(script).stem if script.startswith("steps/") else ""


def _newest(step: str) -> "Run":
    import mlflow

    from throughline.tracking import STEP

    (run,) = mlflow.search_runs(
        search_all_experiments=True,
        filter_string=f"tags.`{STEP}` = '{step}'",
        order_by=["start_time DESC"],
        max_results=1,
        output_format="list",
    )
    return run


def _champion() -> dict[str, float]:
    """The metrics on the test rows that the last register logged."""
    found = _newest("register").data.metrics
    return {name: round(value, 4) for name, value in found.items() if "auc" in name}


def _steps(peaks: dict[str, float]) -> dict[str, dict[str, float]]:
    from throughline.tracking import STEP, children

    return {
        run.data.tags[STEP]: {
            "seconds": round((run.info.end_time - run.info.start_time) / 1000, 1),
            "startup_seconds": round(run.data.metrics["startup_seconds"], 1),
            "peak_mib": round(peaks.get(run.data.tags[STEP], 0)),
        }
        for run in children(_newest("main").info.run_id)
    }


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    main()
