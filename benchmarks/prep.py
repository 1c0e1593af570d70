"""How ``prep`` scales, what it costs beside plain PySpark, and how fast a plan is when serving.

Run it in the project's environment: ``.venv/bin/python benchmarks/prep.py``. The flights are scaled
up to 1, 3, 10 and 30 replicas (10.1 million rows; see ``replicas.py``). Every preparation is a
process of its own, whose resident memory, with its JVM and Python workers, is sampled. The rival
(``plain_pyspark.py``) and the recipe run in turn. Figures go to ``benchmarks/results/prep.json``.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from resident_memory import watched

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks/results/prep.json"
ROWS = 336_776
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]


def main() -> None:
    """Measures what the arguments ask for, prints it and writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicas", default="1,3,10,30", help="sizes of the scaling")
    parser.add_argument(
        "--rival", type=int, default=3, help="replicas to compare with plain PySpark"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the comparison; 0: none")
    parser.add_argument("--root", default=tempfile.gettempdir(), help="where tables are written")
    parser.add_argument("--one", choices=("recipe", "rival"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.chdir(PROJECT)
    root = Path(arguments.root, "throughline-benchmark")
    if arguments.one:
        print(json.dumps(_prepare_once(arguments.one, root, int(arguments.replicas))))
        return
    sizes = [int(size) for size in arguments.replicas.split(",") if size]
    found = {
        "cores": os.cpu_count(),
        **_scaling([_measured("recipe", root, size) for size in sizes]),
        **_against_the_rival(root, arguments.rival, arguments.rounds),
        "apply": _apply_rates(root),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def _scaling(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The exponent of time over rows between neighbouring sizes, and the growth of memory."""
    for smaller, larger in zip(runs, runs[1:], strict=False):
        rows = larger["rows"] / smaller["rows"]
        larger["exponent"] = round(math.log(larger["seconds"] / smaller["seconds"], rows), 3)
    at = {run["replicas"]: run for run in runs}
    found: dict[str, Any] = {"runs": runs}
    if 3 in at and 30 in at:
        found["memory_30_over_3"] = round(at[30]["peak_mib"] / at[3]["peak_mib"], 3)
    return found


def _against_the_rival(root: Path, replicas: int, rounds: int) -> dict[str, Any]:
    if not rounds:
        return {}
    seconds: dict[str, list[float]] = {"recipe": [], "rival": []}
    for _ in range(rounds):
        for which, taken in seconds.items():
            taken.append(_measured(which, root, replicas)["seconds"])
    medians = {which: statistics.median(taken) for which, taken in seconds.items()}
    ratio = round(medians["recipe"] / medians["rival"], 3)
    return {"against_plain_pyspark": {"replicas": replicas, "seconds": seconds, "ratio": ratio}}


def _measured(which: str, root: Path, replicas: int) -> dict[str, Any]:
    """One preparation in a process of its own, with its peak resident memory."""
    from replicas import write_replicas

    write_replicas(root, replicas)
    command = [sys.executable, __file__, "--one", which, "--replicas", str(replicas)]
    job = subprocess.Popen(
        [*command, "--root", str(root.parent)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    printed, peaks = watched(job, lambda process: "job" if process.pid == job.pid else "", 0.2)
    if job.returncode:
        sys.exit(f"the preparation of {replicas} replicas ended with {job.returncode}")
    size = {"replicas": replicas, "rows": ROWS * replicas}
    run = {**size, **json.loads(printed), "peak_mib": round(peaks["job"])}
    print(which, run, file=sys.stderr)
    return run


def _prepare_once(which: str, root: Path, replicas: int) -> dict[str, Any]:
    """Prepares in this process; the session is started before the clock."""
    from plain_pyspark import prepare_by_hand
    from replicas import recipe_for

    from throughline.outputs import Output
    from throughline.preparation import prepare
    from throughline.spark import session

    spark = session()
    tables = root / f"replicas-{replicas}"
    recipe = recipe_for(tables, replicas)
    output = root / f"{which}-{replicas}"
    shutil.rmtree(output, ignore_errors=True)
    spark.range(10).count()
    started = time.monotonic()
    if which == "recipe":
        prepare(spark, recipe, Output(str(output)), str(root))
    else:
        prepare_by_hand(spark, tables, output, str(recipe.split.test_from))
    seconds = round(time.monotonic() - started, 1)
    spark.stop()
    return {"seconds": seconds}


def _apply_rates(root: Path) -> dict[str, float]:
    """Rows per second of a fitted plan on Polars, medians of calls over two seconds each."""
    import narwhals as nw

    from throughline.models.served import raw_frame
    from throughline.prepared import PreparedTable

    outputs = sorted(root.glob("recipe-*/manifest.json"))
    if not outputs:
        return {}
    table = PreparedTable.open(str(outputs[0].parent))
    test = table.raw_rows("test", 100_000)
    rates = {}
    for count in (1, 1_000, 100_000):
        rows = test.sample(count, replace=count > len(test), random_state=7, ignore_index=True)
        frame = nw.from_native(raw_frame(rows, table.plan.inputs))
        rates[f"rows_per_second_{count}"] = round(count / _median_seconds(table.plan, frame))
    return rates


def _median_seconds(plan: Any, frame: Any) -> float:
    taken: list[float] = []
    while len(taken) < 5 or sum(taken) < 2:
        started = time.perf_counter()
        plan.transform(frame).to_native()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
