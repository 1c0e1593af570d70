"""What tuning costs and what it gains: trials in parallel, their overhead, TPE, pruning.

Run it in the project's environment: ``.venv/bin/python benchmarks/tuning.py``. All in one run:

* the same random trials of XGBoost, one thread each, with SparkTrials two at a time and with Trials
  one by one; and what a trial takes besides its training, tracking included;
* Hyperopt's TPE against random search: the mean regret over seeds on Branin and Hartmann-6
  (Surjanovic and Bingham, "Virtual library of simulation experiments") and on the flights'
  validation loss;
* Optuna's pruning of XGBoost: the boosting rounds that it saves, and the best metric with it.

Figures go to ``benchmarks/results/tuning.json``.
"""

import argparse
import json
import logging
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks/results/tuning.json"
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]
PARTS = ("parallel", "overhead", "regret", "pruning")
ROWS = 100_000
"""About so many training rows; those of the flights are 207,548."""

SPACE = {
    "max_depth": {"randint": [4, 9]},
    "learning_rate": {"loguniform": [0.03, 0.3]},
    "min_child_weight": {"loguniform": [1, 100]},
    "subsample": {"uniform": [0.6, 1.0]},
    "colsample_bytree": {"uniform": [0.4, 1.0]},
}


def main() -> None:
    """Measures what the arguments ask for, prints it and writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the parallel trials")
    parser.add_argument("--trials", type=int, default=24, help="trials of a round of these")
    parser.add_argument("--seeds", type=int, default=10, help="of each search for the regret")
    parser.add_argument("--root", help="where the prepared tables are kept; by default nowhere")
    arguments = parser.parse_args()
    os.chdir(PROJECT)
    with tempfile.TemporaryDirectory(prefix="throughline-tuning-") as folder:
        found = measured(arguments, Path(arguments.root or folder).resolve())
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def measured(arguments: argparse.Namespace, root: Path) -> dict[str, Any]:
    """The figures of the parts that were asked for."""
    import mlflow

    logging.getLogger("throughline").setLevel(logging.WARNING)
    mlflow.set_tracking_uri(f"sqlite:///{root}/tuning.db")
    mlflow.set_experiment("tuning")
    large, small = prepared(root, ROWS / 207_548), prepared(root, 0.1)
    parts = arguments.parts.split(",")
    found: dict[str, Any] = {"cores": os.cpu_count(), "rows": large.rows["train"]}
    if "parallel" in parts:
        found["parallel"] = parallel(large, arguments.rounds, arguments.trials)
    if "overhead" in parts:
        found["overhead_seconds_of_a_trial"] = overhead(small)
    if "regret" in parts:
        found["mean_regret"] = regret(small, arguments.seeds)
    if "pruning" in parts:
        found["pruning"] = pruning(small)
    return found


def prepared(root: Path, fraction: float) -> Any:
    """A share of the flights, prepared with the whole recipe, or what the folder has of it."""
    from throughline.outputs import Output
    from throughline.preparation import prepare
    from throughline.prepared import PreparedTable
    from throughline.recipe.file import load_recipe
    from throughline.spark import session

    output = Output(str(root / f"flights/{fraction:.3f}/prepared"))
    if not output.exists():
        recipe = load_recipe("recipes/flights.yaml", "none")
        prepare(session(), recipe, output, str(root), fraction=fraction)
    return PreparedTable.open(output.uri)


def searched(table: Any, **settings: Any) -> tuple[float, Any]:
    """Seconds that a search took as the step makes it, and what it found."""
    import mlflow

    from throughline.recipe.search import Search
    from throughline.tuning.search import search

    with mlflow.start_run() as run:
        started = time.monotonic()
        found = search(table, Search(family="xgboost", **settings), run)
        return time.monotonic() - started, found


def parallel(table: Any, rounds: int, trials: int) -> dict[str, Any]:
    """Trials of one thread: Trials one by one against SparkTrials two at a time."""
    from throughline.spark import session

    session()
    fixed = {"n_estimators": 400, "early_stopping_rounds": 400, "nthread": 1}
    common = {"parameters": fixed, "space": SPACE, "max_evals": trials, "algo": "random"}
    ways = {"local": {"trials": "local"}, "spark": {"trials": "spark", "parallelism": 2}}
    taken: dict[str, list[float]] = {way: [] for way in ways}
    training: dict[str, list[float]] = {way: [] for way in ways}
    busy: dict[str, list[float]] = {way: [] for way in ways}
    drawn: dict[str, list[float]] = {}
    for seed in range(rounds):
        for way, settings in ways.items():
            seconds, found = searched(table, **common, **settings, seed=seed)
            taken[way].append(seconds)
            training[way].append(sum(t.metrics["training_seconds"] for t in found.trials))
            busy[way].append(sum(t.ended - t.started for t in found.trials))
            drawn[way] = sorted(t.parameters["learning_rate"] for t in found.trials)
        if drawn["local"] != drawn["spark"]:
            sys.exit("the two ways did not make the same trials")
    medians = {way: statistics.median(seconds) for way, seconds in taken.items()}
    return {
        "seconds": {way: [round(s, 1) for s in found] for way, found in taken.items()},
        "speedup": round(medians["local"] / medians["spark"], 2),
        "seconds_of_training": {w: round(statistics.median(s), 1) for w, s in training.items()},
        "seconds_of_trials": {w: round(statistics.median(s), 1) for w, s in busy.items()},
    }


def overhead(table: Any) -> dict[str, float]:
    """What a trial takes besides its training, from the search's start to its end, per trial."""
    fixed = {"n_estimators": 40, "early_stopping_rounds": 40, "nthread": 1}
    common = {"parameters": fixed, "space": SPACE, "max_evals": 12, "algo": "random"}
    found = {}
    for way, at_a_time in (("local", 1), ("spark", 1)):
        settings = {"trials": way, "parallelism": at_a_time if way == "spark" else None}
        each = []
        for seed in range(3):
            seconds, searches = searched(table, **common, **settings, seed=100 + seed)
            trained = sum(t.metrics["training_seconds"] for t in searches.trials)
            each.append((seconds - trained) / len(searches.trials))
        found[way] = round(statistics.median(each), 3)
    return found


@dataclass(frozen=True)
class Function:
    """A function to make small, in the form of a trial's objective."""

    of: Callable[[Mapping[str, float]], float]

    def __call__(self, drawn: Mapping[str, float], _: Any = None) -> dict[str, Any]:
        """The function's value as a trial tells it."""
        now = time.time()
        told = {"parameters": dict(drawn), "started": now, "ended": now, "status": "FINISHED"}
        return {**told, "metrics": {}, "value": self.of(drawn)}

    def loss(self, value: float) -> float:
        """The value is the loss."""
        return value


def branin(at: Mapping[str, float]) -> float:
    """Branin's function; its least value is 0.397887."""
    x, y = at["x"], at["y"]
    curve = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return curve**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann(at: Mapping[str, float]) -> float:
    """Hartmann's function of six dimensions; its least value is -3.32237."""
    alpha = (1.0, 1.2, 3.0, 3.2)
    a = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8),
         (17, 8, 0.05, 10, 0.1, 14))  # fmt: skip
    p = ((1312, 1696, 5569, 124, 8283, 5886), (2329, 4135, 8307, 3736, 1004, 9991),
         (2348, 1451, 3522, 2883, 3047, 6650), (4047, 8828, 8732, 5743, 1091, 381))  # fmt: skip
    x = [at[f"x{i}"] for i in range(6)]
    return -sum(
        weight
        * math.exp(-sum(s * (v - c / 1e4) ** 2 for s, v, c in zip(row, x, centre, strict=True)))
        for weight, row, centre in zip(alpha, a, p, strict=True)
    )


def regret(table: Any, seeds: int) -> dict[str, Any]:
    """The mean over seeds of how far the best trial stays from the least value there is."""
    unit = {"uniform": [0, 1]}
    found: dict[str, Any] = {}
    functions = {
        "branin": (branin, {"x": {"uniform": [-5, 10]}, "y": {"uniform": [0, 15]}}, 75, 0.397887),
        "hartmann6": (hartmann, {f"x{i}": unit for i in range(6)}, 75, -3.32237),
    }
    for name, (function, space, evaluations, least) in functions.items():
        best = {
            algo: [_least(Function(function), space, evaluations, algo, s) for s in range(seeds)]
            for algo in ("tpe", "random")
        }
        found[name] = _ratio(best, least)
    best = {algo: [_least_loss(table, algo, s) for s in range(seeds)] for algo in ("tpe", "random")}
    found["flights_log_loss"] = _ratio(best, min(map(min, best.values())))
    return found


def _ratio(best: Mapping[str, list[float]], least: float) -> dict[str, float]:
    mean = {algo: statistics.fmean(values) - least for algo, values in best.items()}
    rounded = {algo: float(f"{value:.4g}") for algo, value in mean.items()}
    return {**rounded, "ratio": round(mean["tpe"] / mean["random"], 3)}


def _least(objective: Any, space: Any, evaluations: int, algo: Any, seed: int) -> float:
    from throughline.recipe.search import Search
    from throughline.tuning.hyperopt import search_with_hyperopt

    wanted = Search(family="xgboost", space=space, max_evals=evaluations, algo=algo, seed=seed)
    values: list[float] = []

    def record(trial: Any) -> bool:
        values.append(trial.value)
        return False

    search_with_hyperopt(wanted, objective, (), record)
    return min(map(objective.loss, values))


def _least_loss(table: Any, algo: str, seed: int) -> float:
    from throughline.tuning.trial import Objective

    fixed = {"family": "xgboost", "n_estimators": 60, "early_stopping_rounds": 10}
    objective = Objective(table.output.uri, fixed, "log_loss", None)
    return _least(objective, SPACE, 30, algo, seed)


def pruning(table: Any) -> dict[str, Any]:
    """Sixteen trials of Optuna: all rounds, stopped early, and pruned too; over five seeds."""
    ways = {"all_rounds": (200, "none"), "stopped_early": (30, "none"), "pruned": (30, "median")}
    rounds: dict[str, list[float]] = {way: [] for way in ways}
    best: dict[str, list[float]] = {way: [] for way in ways}
    for seed in range(5):
        for way, (patience, pruner) in ways.items():
            _, found = searched(
                table,
                parameters={"n_estimators": 200, "early_stopping_rounds": patience},
                space=SPACE,
                max_evals=16,
                engine="optuna",
                pruner=pruner,
                seed=seed,
            )
            rounds[way].append(sum(t.metrics["rounds_run"] for t in found.trials))
            best[way].append(round(found.value, 5))
    used = {way: statistics.median(found) for way, found in rounds.items()}
    return {
        "boosting_rounds": rounds,
        "best_roc_auc": best,
        "median_of_the_best": {way: statistics.median(found) for way, found in best.items()},
        "saved_by_stopping_early": round(1 - used["stopped_early"] / used["all_rounds"], 3),
        "saved_by_pruning_besides": round(1 - used["pruned"] / used["stopped_early"], 3),
    }


if __name__ == "__main__":
    main()
