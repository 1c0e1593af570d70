"""Three ways to score a table on Spark with a served model, as the step ``score`` could do it.

Run it in the project's environment: ``.venv/bin/python benchmarks/scoring.py``. The same raw rows
of the flights (``--copies`` times the test rows) are scored in turn by

* ``worker``: what ``score`` does. Plan and estimator in Spark's Python workers (``mapInArrow``);
* ``plan_on_spark``: the plan as Spark expressions, the estimator alone in the workers;
* ``spark_udf``: MLflow's ``spark_udf`` of the same model.

Every way writes all columns of the rows and the probability as Parquet: who scores a table wants
it back. The answers of the three have to agree to 1e-6. The ratio is the fastest other way's
median over that of ``worker``: near 1 or above, ``score`` does as well as can be done.
Figures go to ``benchmarks/results/scoring.json``.
"""

import argparse
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks/results/scoring.json"
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]
FAMILIES = ("xgboost", "sklearn_linear")
PROBABILITY = "probability"
ROW = "row"


def main() -> None:
    """Measures what the arguments ask for, prints it and writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=12, help="times the test rows are taken")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the three ways in turn")
    parser.add_argument("--root", help="where the prepared flights are kept; by default nowhere")
    arguments = parser.parse_args()
    os.chdir(PROJECT)
    with tempfile.TemporaryDirectory(prefix="throughline-scoring-") as folder:
        root = Path(arguments.root or folder).resolve()
        found = measured(root, Path(folder), arguments.copies, arguments.rounds)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def measured(root: Path, folder: Path, copies: int, rounds: int) -> dict[str, Any]:
    """The seconds of every way, for each family."""
    import mlflow
    from pyspark.sql import functions as F
    from tuning import prepared

    from throughline.candidate import log_candidate
    from throughline.models.families import FAMILIES as ALL
    from throughline.models.families import models_named
    from throughline.scoring.model_files import ModelFiles
    from throughline.spark import session

    logging.getLogger("throughline").setLevel(logging.WARNING)
    mlflow.set_tracking_uri(f"sqlite:///{folder}/scoring.db")
    mlflow.set_experiment("scoring")
    table = prepared(root, 1.0)
    spark = session()
    raw = spark.read.parquet(table.output.path("raw/__split=test"))
    rows = raw
    for _ in range(copies - 1):
        rows = rows.unionAll(raw)
    rows = rows.withColumn(ROW, F.monotonically_increasing_id())
    rows.write.parquet(str(folder / "rows"))
    rows = spark.read.parquet(str(folder / "rows"))
    found: dict[str, Any] = {"cores": os.cpu_count(), "rows": rows.count()}
    for family in FAMILIES:
        given = {m.family: m.parameters for m in models_named(table.recipe, "all")}
        with mlflow.start_run():
            trained = ALL[family].train(table, given.get(family, {}))
            uri = log_candidate(table, trained, family).model_uri
        model = ModelFiles.read(uri, Path(mlflow.artifacts.download_artifacts(uri)))
        found[family] = compared(ways(rows, table, model, folder), folder / family, rounds)
    return found


def ways(rows: Any, table: Any, model: Any, folder: Path) -> dict[str, Callable[[], Any]]:
    """The three ways, as functions that give the rows with their probability, lazily."""
    import mlflow
    import narwhals as nw
    from pyspark.sql import functions as F
    from pyspark.sql.types import DoubleType, StructField, StructType

    from throughline.scoring.scoring import scored

    answers = StructType([StructField(PROBABILITY, DoubleType())])
    inputs = [F.col(f"`{column.name}`") for column in model.inputs]
    kept = {name: f"raw {name}" for name in rows.columns}  # some are features too

    def worker() -> Any:
        found = scored(rows, model, Path(tempfile.mkdtemp(dir=folder)))
        return found.select(*rows.columns, PROBABILITY)

    def plan_on_spark() -> Any:
        both = rows.select("*", *(F.col(f"`{n}`").alias(k) for n, k in kept.items()))
        features = table.plan.transform(nw.from_native(both), [*kept.values()]).to_native()
        score = estimator_alone(str(model.folder / model.served), [*kept.values()])
        raw = [features.schema[name] for name in kept.values()]
        found = features.mapInArrow(score, StructType([*raw, *answers]))
        return found.withColumnsRenamed({k: n for n, k in kept.items()})

    def spark_udf() -> Any:
        udf = mlflow.pyfunc.spark_udf(
            rows.sparkSession, str(model.folder), answers, env_manager="local"
        )
        return rows.withColumn(PROBABILITY, udf(F.struct(*inputs)).getField(PROBABILITY))

    return {"worker": worker, "plan_on_spark": plan_on_spark, "spark_udf": spark_udf}


def estimator_alone(served: str, kept: list[str]) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """The function for ``mapInArrow`` that scores prepared rows."""

    def score(batches: Iterable[Any]) -> Iterator[Any]:
        import numpy as np
        import pyarrow as pa

        from throughline.models.served import ServedModel

        estimator = ServedModel.load(Path(served)).estimator
        for batch in batches:
            features = [name for name in batch.schema.names if name not in kept]
            arrays = {n: batch.column(n).to_numpy(zero_copy_only=False) for n in features}
            scores = np.asarray(estimator.predict(arrays), dtype=np.float64)[:, 0]
            columns = [*(batch.column(name) for name in kept), pa.array(scores)]
            yield pa.RecordBatch.from_arrays(columns, names=[*kept, PROBABILITY])

    return score


def compared(ways: dict[str, Callable[[], Any]], folder: Path, rounds: int) -> dict[str, Any]:
    """Times every way in turn, and checks that they answer the same."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            started = time.monotonic()
            way().write.parquet(str(folder / f"{name}-{number}"))
            seconds[name].append(time.monotonic() - started)
    answers = {name: _answers(folder / f"{name}-0") for name in ways}
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    others = [median for name, median in medians.items() if name != "worker"]
    return {
        "seconds": {name: [round(s, 1) for s in taken] for name, taken in seconds.items()},
        "fastest_other_over_worker": round(min(others) / medians["worker"], 2),
        "largest_difference": max(
            float(abs(answers["worker"] - other).max()) for other in answers.values()
        ),
    }


def _answers(folder: Path) -> Any:
    """The probabilities of a scored table, in the order of its rows."""
    import pyarrow.parquet as pq

    return pq.read_table(folder, columns=[ROW, PROBABILITY]).sort_by(ROW)[PROBABILITY].to_numpy()


if __name__ == "__main__":
    main()
