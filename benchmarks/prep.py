"""How ``prep`` scales, what it costs beside plain PySpark, and how fast a plan is when serving.

Also how many Spark jobs the ops take to learn, together and each by itself.

Run it in the project's environment: ``.venv/bin/python benchmarks/prep.py``. The flights are scaled
up to 1, 3, 10 and 30 replicas (10.1 million rows; see ``replicas.py``). Every preparation is a
process of its own, whose resident memory, with its JVM and Python workers, is sampled. The rival
(``plain_pyspark.py``) and the recipe run in turn. Figures go to ``benchmarks/results/prep.json``.
"""

import argparse
import json
import math
import os
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
    parser.add_argument("--one", choices=("recipe", "rival", "jobs"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.chdir(PROJECT)
    root = Path(arguments.root, "throughline-benchmark")
    if arguments.one:
        measure = _learning_jobs if arguments.one == "jobs" else _prepare_once
        print(json.dumps(measure(arguments.one, root, int(arguments.replicas))))
        return
    sizes = [int(size) for size in arguments.replicas.split(",") if size]
    found = {
        "cores": os.cpu_count(),
        **_scaling([_measured("recipe", root, size) for size in sizes]),
        **_against_the_rival(root, arguments.rival, arguments.rounds),
        "learning": _measured("jobs", root, min(sizes)) if sizes else {},
        "apply": _apply_rates(root),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def _scaling(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The exponent of time over rows between neighbouring sizes, and the growth of memory.

    The time is that of the whole step: the preparation and its report.
    """
    for smaller, larger in zip(runs, runs[1:], strict=False):
        rows = larger["rows"] / smaller["rows"]
        taken = [run["seconds"] + run["report_seconds"] for run in (smaller, larger)]
        larger["exponent"] = round(math.log(taken[1] / taken[0], rows), 3)
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
    from throughline.report.writing import write_report
    from throughline.spark import session

    spark = session()
    tables = root / f"replicas-{replicas}"
    recipe = recipe_for(tables, replicas)
    output = Output(str(root / f"{which}-{replicas}"))
    output.clear()
    spark.range(10).count()
    started = time.monotonic()
    if which == "rival":
        prepare_by_hand(spark, tables, Path(output.uri), str(recipe.split.test_from))
        return {"seconds": round(time.monotonic() - started, 1)}
    made = prepare(spark, recipe, output, str(root))
    prepared = time.monotonic()
    write_report(spark, output, recipe, made.plan, root / "report")
    return {
        "seconds": round(prepared - started, 1),
        "report_seconds": round(time.monotonic() - prepared, 1),
    }


def _learning_jobs(_: str, root: Path, replicas: int) -> dict[str, Any]:
    """How many Spark jobs the recipe's ops take to learn: as prep has them, and one by one."""
    import narwhals as nw
    from replicas import recipe_for

    from throughline.features.fitting import fit_ops
    from throughline.spark import session

    spark = session()
    recipe = recipe_for(root / f"replicas-{replicas}", replicas)
    rows = spark.read.parquet(str(root / f"recipe-{replicas}/raw/__split=train"))
    ops = [op for op in recipe.prepare if not op.changes_rows]

    def jobs(group: str) -> int:
        return len(spark.sparkContext.statusTracker().getJobIdsForGroup(group))

    spark.sparkContext.setJobGroup("together", "")
    fitted = fit_ops(ops, rows)
    spark.sparkContext.setJobGroup("alone", "")
    frame = nw.from_native(rows)
    for op, state in zip(ops, fitted, strict=True):
        fit_ops([op], frame.to_native())
        frame = state.apply(frame)
    return {
        "ops": [op.name for op in ops],
        "jobs_together": jobs("together"),
        "jobs_alone": jobs("alone"),
    }


def _apply_rates(root: Path) -> dict[str, float]:
    """Rows per second of a fitted plan on Polars, medians of calls over two seconds each."""
    import narwhals as nw

    from throughline.models.raw_frame import raw_frame
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
