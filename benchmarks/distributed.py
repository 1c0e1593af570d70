"""What distributed training gains and costs: workers, the reader, the libraries, the shard plan.

Run it in the project's environment: ``.venv/bin/python benchmarks/distributed.py``. All in one run,
on the prepared flights:

* training rows per second of two workers over twice those of one, one thread each, data loading
  included, at the recipe's batch size and at a larger one; the time waited for data; two
  trainings that share nothing, which is the most that the machine gives; and one worker that has
  one core, as each of two workers has: else its loader's thread computes on the other core;
* the Petastorm reader and the whole loader against a bare pyarrow scan of the same columns and row
  groups, and against Petastorm's own ``make_batch_reader``;
* Horovod against torch's own library, both with Gloo, the same function;
* the test metric of two workers within the bootstrap interval of one worker's;
* the shard plan for up to 512 workers on 100 million rows, from the metadata alone;
* where there is a GPU: rows per second with mixed precision and without.

Figures go to ``benchmarks/results/distributed.json``.
"""

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks/results/distributed.json"
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]
PARTS = ("plan", "reader", "scaling", "quality", "gpu")
SIZES = (1024, 4096)
"""Rows of a worker's batch."""
LAUNCHERS = {"one": ("process", 1), "horovodrun": ("horovodrun", 2), "torch": ("torch", 2)}
APART: dict[str, tuple[int | None, ...]] = {"two_apart": (None, None), "one_on_a_core": (0,)}


def main() -> None:
    """Measures what the arguments ask for, prints it and writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each comparison")
    parser.add_argument("--epochs", type=int, default=4, help="epochs of a training")
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the flights")
    parser.add_argument("--root", help="where the prepared table is kept; by default nowhere")
    arguments = parser.parse_args()
    os.chdir(PROJECT)
    logging.getLogger("throughline").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="throughline-distributed-") as folder:
        found = measured(arguments, Path(arguments.root or folder).resolve())
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def measured(arguments: argparse.Namespace, root: Path) -> dict[str, Any]:
    """The figures of the parts that were asked for."""
    import torch

    parts = arguments.parts.split(",")
    found: dict[str, Any] = {"cores": os.cpu_count(), "plan": plan() if "plan" in parts else {}}
    if set(parts) == {"plan"}:
        return found
    table = prepared(root, arguments.fraction)
    found["rows"] = table.rows["train"]
    if "reader" in parts:
        from readers import rates

        found["reader"] = rates(table, arguments.rounds)
    for size in SIZES if "scaling" in parts else ():
        settings = (arguments.rounds, arguments.epochs, size)
        found[f"scaling_batches_of_{size}"] = scaling(table, *settings)
    if "quality" in parts:
        found["quality"] = quality(table)
    if "gpu" in parts and torch.cuda.is_available():
        found["gpu"] = gpu(table, arguments.rounds, arguments.epochs)
    return found


def prepared(root: Path, fraction: float) -> Any:
    """The flights, prepared with the whole recipe, or what the folder has of them."""
    from pyspark.sql import SparkSession
    from tuning import prepared as flights

    table = flights(root, fraction)
    if spark := SparkSession.getActiveSession():
        spark.stop()  # its threads would disturb what is measured
    return table


def job_of(table: Any, folder: Path, **changes: Any) -> Any:
    """The training of the recipe's network, without an early end."""
    from throughline.distributed.job import TrainingJob
    from throughline.distributed.network_family import network_of
    from throughline.models.network_parameters import NetworkParameters

    return TrainingJob(
        train=table.output.url("train"),
        validation=table.output.url("validation"),
        layout=table.layout,
        network=NetworkParameters(**network_of(table.recipe).parameters),
        output=str(folder),
        patience=None,
        **changes,
    )


def scaling(table: Any, rounds: int, epochs: int, batch_size: int) -> dict[str, Any]:
    """One worker, two of Horovod, two of torch, two apart, one on a core, in turn: rows per second.

    The first epoch of a training is left out: its pages are read and its memory is taken.
    """
    from throughline.distributed.launchers import LAUNCHERS as launchers

    rates: dict[str, list[float]] = {name: [] for name in (*LAUNCHERS, *APART)}
    waits: dict[str, list[float]] = {name: [] for name in LAUNCHERS}
    settings = {"epochs": epochs, "batch_size": batch_size}
    for _ in range(rounds):
        for name, (launcher, workers) in LAUNCHERS.items():
            with tempfile.TemporaryDirectory() as folder:
                job = job_of(table, Path(folder), **settings)
                history = launchers[launcher](job, workers).history[1:]
            seconds = sum(record.seconds for record in history)
            rates[name].append(sum(record.rows for record in history) / seconds)
            waits[name].append(sum(record.wait_seconds for record in history) / seconds)
            told = {"rows/s": round(rates[name][-1]), "waited": round(waits[name][-1], 4)}
            print(batch_size, name, told, file=sys.stderr)
        for name, cores in APART.items():
            rates[name].append(apart(table, settings, cores))
            print(batch_size, name, {"rows/s": round(rates[name][-1])}, file=sys.stderr)
    middle = {name: statistics.median(of) for name, of in rates.items()}
    return {
        "rows_per_second": {name: [round(rate) for rate in of] for name, of in rates.items()},
        "waited_share": {name: round(statistics.median(of), 4) for name, of in waits.items()},
        "efficiency": round(middle["horovodrun"] / (2 * middle["one"]), 3),
        "efficiency_per_core": round(middle["horovodrun"] / (2 * middle["one_on_a_core"]), 3),
        "efficiency_of_two_apart": round(middle["two_apart"] / (2 * middle["one"]), 3),
        "torch_over_horovod": round(middle["torch"] / middle["horovodrun"], 3),
    }


def apart(table: Any, settings: dict[str, Any], cores: Sequence[int | None]) -> float:
    """Rows per second of trainings side by side that share nothing but the machine.

    Args:
        table: The prepared table.
        settings: Of each training.
        cores: For each training the one core that it may use, or None for any.
    """
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for number, core in enumerate(cores):
            file = Path(folder, f"{number}.json")
            job = job_of(table, Path(folder, str(number)), **settings)
            file.write_text(job.model_dump_json())
            command = [sys.executable, __file__, "--alone", str(file)]
            command += [] if core is None else [str(core)]
            jobs.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        return sum(json.loads(process.communicate()[0]) for process in jobs)


def alone(file: str, *core: str) -> float:
    """Rows per second of one training in this process, on one core if it is given."""
    if core:
        os.sched_setaffinity(0, {int(core[0])})
    from throughline.distributed.job import TrainingJob
    from throughline.distributed.process import launch

    history = launch(TrainingJob.model_validate_json(Path(file).read_text())).history[1:]
    return sum(r.rows for r in history) / sum(r.seconds for r in history)


def quality(table: Any) -> dict[str, Any]:
    """The test metric of one worker with its interval, and of two."""
    import mlflow

    from throughline.distributed.network_family import Launching, network_of, train_network
    from throughline.evaluation.evaluation import evaluate

    mlflow.set_tracking_uri(f"sqlite:///{table.output.uri}.db")
    model, found = network_of(table.recipe), {}
    for name, how in {"one": Launching(1), "two": Launching(2, "horovodrun")}.items():
        how = Launching(how.workers, how.launcher, resume="none")
        trained = train_network(table, {**model.parameters, "epochs": 10}, how, track=False)
        figures = evaluate(table, trained.estimator).figures()
        metric = f"test_{table.recipe.metric}"
        keys = (metric, f"{metric}_low", f"{metric}_high")
        found[name] = {key: round(figures[key], 4) for key in keys}
    one, two = found["one"], found["two"]
    metric = f"test_{table.recipe.metric}"
    within = one[f"{metric}_low"] <= two[metric] <= one[f"{metric}_high"]
    return {**found, "two_within_the_interval_of_one": within}


def plan() -> dict[str, Any]:
    """Seconds to plan 2 to 512 workers' shards of 100 million rows, and how equal they are."""
    from throughline.distributed.shards import plan_shards

    row_groups = [100_000 + n % 7 - 3 for n in range(1000)]
    started = time.perf_counter()
    spread, batches, smallest = 0.0, set(), sum(row_groups)
    for workers in range(2, 513):
        found = plan_shards(row_groups, workers, 4096)
        sizes = {shard: len(found.batch_sizes(shard)) for shard in range(workers)}
        batches.add(len(set(sizes.values())))
        spread = max(spread, max(found.rows) / min(found.rows) - 1)
        smallest = min(smallest, *found.rows)
    return {
        "rows": sum(row_groups),
        "seconds_for_2_to_512_workers": round(time.perf_counter() - started, 2),
        "numbers_of_batches_per_plan": sorted(batches),
        "largest_over_smallest_shard": round(1 + spread, 4),
        "smallest_shard": smallest,
    }


def gpu(table: Any, rounds: int, epochs: int) -> dict[str, Any]:
    """Rows per second on the GPU by precision."""
    import torch

    from throughline.distributed.process import launch

    rates: dict[str, list[float]] = {}
    device = ""
    for _ in range(rounds):
        for precision in ("float32", "bfloat16", "float16"):
            with tempfile.TemporaryDirectory() as folder:
                changes = {"epochs": epochs, "precision": precision, "batch_size": 8192}
                result = launch(job_of(table, Path(folder), **changes))
            device = result.device
            history = result.history[1:]
            rate = sum(r.rows for r in history) / sum(r.seconds for r in history)
            rates.setdefault(precision, []).append(rate)
    found = {name: round(statistics.median(of)) for name, of in rates.items()}
    return {"device": device, "pinned": torch.cuda.current_device(), "rows_per_second": found}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        logging.getLogger("throughline").setLevel(logging.ERROR)
        print(alone(*sys.argv[2:]))
    else:
        main()
