"""What serving costs: in process, behind HTTP, as an environment and in batches, beside rivals.

Run it in the project's environment: ``.venv/bin/python benchmarks/serving.py``. It prepares a
share of the flights with the whole recipe, trains XGBoost and Spark's boosted trees on them, and
measures, all in one run: the served XGBoost in process, one row and 100,000; the same behind this
project's server, at one client and four, and what of that the server, the reading of the request
and the model take; a scikit-learn linear model behind plain ``mlflow models serve``; Spark's trees
as they are served here and as MLflow's own Spark flavor serves them; the size of the environment
of the served models; and batch scoring on Spark. Latencies are medians of rounds in turn. Figures
go to ``benchmarks/results/serving.json``.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks/results/serving.json"
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]
PARTS = ("process", "http", "spark", "environment", "batch")
ROWS = 100_000


def main() -> None:
    """Measures what the arguments ask for, prints it and writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fraction", type=float, default=0.2, help="share of the flights")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement")
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure")
    parser.add_argument("--root", help="where the models are kept; by default nowhere")
    arguments = parser.parse_args()
    os.chdir(PROJECT)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="throughline-serving-") as folder:
        found = measured(arguments, Path(arguments.root or folder))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def measured(arguments: argparse.Namespace, root: Path) -> dict[str, Any]:
    """The figures of the parts that were asked for."""
    from served_models import made_models

    models = made_models(root, arguments.fraction)
    parts = arguments.parts.split(",")
    found: dict[str, Any] = {"cores": os.cpu_count(), "rows_trained_on": models.rows}
    if "process" in parts:
        found["in_process"] = in_process(models, arguments.rounds)
    if "http" in parts:
        from served_over_http import against_scikit_learn

        found["http"] = against_scikit_learn(models, arguments.rounds)
        found["one_request_ms"] = breakdown(models)
    if "spark" in parts:
        from served_over_http import against_spark

        found["against_spark_flavor"] = against_spark(models, arguments.rounds)
    if "environment" in parts:
        from environment_size import mebibytes_of

        found["environment_mib"] = {
            name: mebibytes_of(models.path(name)) for name in ("xgboost", "spark_gbt")
        }
    if "batch" in parts:
        found["batch_rows_per_minute"] = batch(models, arguments.rounds)
    return found


def in_process(models: Any, rounds: int) -> dict[str, float]:
    """The served XGBoost without a server: milliseconds of a row, rows a second of 100,000."""
    from throughline.models.raw_frame import raw_frame
    from throughline.models.served import ServedModel

    served = ServedModel.load(models.served("xgboost"))
    one, many = models.requests(1), models.requests(ROWS)
    typed = raw_frame(many, served.plan.inputs)
    return {
        "row_ms": milliseconds(lambda: served.predict(one), 200),
        "row_scikit_learn_ms": milliseconds(models.scikit_learn_call(), 200),
        "plan_rows_per_second": rate(lambda: served.plan.arrays_of(typed), rounds),
        "plan_and_model_rows_per_second": rate(lambda: served.predict(many), rounds),
    }


def breakdown(models: Any) -> dict[str, float]:
    """What the parts of one request take in the server's process, in milliseconds."""
    import mlflow.pyfunc
    from mlflow.pyfunc.scoring_server import infer_and_parse_data

    from throughline.deployment.plain_requests import answered
    from throughline.deployment.plain_rows import fields_of, plain_rows

    model = mlflow.pyfunc.load_model(str(models.path("xgboost")))
    schema = model.metadata.get_input_schema()
    fields = fields_of(schema)
    python_model = model.unwrap_python_model()
    body = models.body(1)
    columns, _ = plain_rows(body, fields)
    frame = infer_and_parse_data(json.loads(body), schema)
    return {
        "read_and_check": milliseconds(lambda: plain_rows(body, fields), 200),
        "model": milliseconds(lambda: python_model.answer_columns(columns, False), 200),
        "all_but_the_server": milliseconds(
            lambda: answered(body, fields, python_model.answer_columns), 200
        ),
        "mlflow_frame": milliseconds(lambda: infer_and_parse_data(json.loads(body), schema), 200),
        "mlflow_check_and_model": milliseconds(lambda: model.predict(frame), 200),
    }


def batch(models: Any, rounds: int) -> float:
    """Rows a minute that ``score`` reads, scores and writes; the first round warms Spark up."""
    from throughline.outputs import Output
    from throughline.scoring.model_files import ModelFiles
    from throughline.scoring.scoring import score_table
    from throughline.spark import session

    model = ModelFiles.read("xgboost", models.path("xgboost"))
    table = models.replicated_requests()
    rates = []
    for number in range(rounds + 1):
        output = Output(str(models.root / f"scored-{number}"))
        output.clear()
        made = score_table(session(), model, table, output, str(models.root))
        rates.append(made.rows / made.seconds * 60)
    return round(statistics.median(rates[1:]))


def milliseconds(call: Callable[[], Any], times: int) -> float:
    """The median of calls, after as many that are not counted as make a tenth."""
    for _ in range(times // 10):
        call()
    return round(statistics.median(seconds(call) for _ in range(times)) * 1000, 3)


def rate(call: Callable[[], Any], rounds: int) -> int:
    """The median rows a second of calls on 100,000 rows."""
    call()
    return round(ROWS / statistics.median(seconds(call) for _ in range(rounds)))


def seconds(call: Callable[[], Any]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
