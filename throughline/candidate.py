"""A candidate: a trained model, evaluated and logged the same way whichever step trained it."""

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from throughline.evaluation.card import CARD
from throughline.evaluation.evaluation import evaluate, figures_on_test
from throughline.evaluation.writing import write_evaluation
from throughline.models.family import Family, Trained
from throughline.models.logged import log_model
from throughline.models.onnx_flavor import log_onnx
from throughline.models.served import ServedModel
from throughline.models.signature import conform, signature_of
from throughline.prepared import EveryRow, PreparedTable
from throughline.tracking import CANDIDATE, MODEL, PREPARED, REFITTED, TABLE, training_time

logger = logging.getLogger(__name__)

ARTIFACT = "model"
SERVING_CODE = (
    "__init__.py",
    "errors.py",
    "expressions.py",
    "moments.py",
    "strict.py",
    "contract",
    "features",
    "models/__init__.py",
    "models/estimator.py",
    "models/explanation.py",
    "models/raw_frame.py",
    "models/served.py",
)
"""What a served model needs of this package; nothing of it imports Spark or MLflow at serving."""

SERVING_PACKAGES = ("mlflow-skinny", "narwhals", "polars", "pydantic", "numpy", "pandas")

_CPU_BUILD = "sys_platform == 'linux' and platform_machine == 'x86_64'"
_OTHER_BUILD = "sys_platform != 'linux' or platform_machine != 'x86_64'"


@dataclass(frozen=True)
class Candidate:
    """A logged candidate: its model's URI and its metrics, ``<part>_<metric>``."""

    model_uri: str
    metrics: dict[str, float]


def log_candidate(table: PreparedTable, trained: Trained, title: str) -> Candidate:
    """Evaluates a trained model and logs everything about it in the active run.

    Args:
        table: The prepared table it was trained on.
        trained: The model.
        title: The candidate's name, for people.
    """
    import mlflow

    mlflow.set_tag(CANDIDATE, title)
    _log_training(table, trained)
    evaluation = evaluate(table, trained.estimator)
    found = evaluation.figures()
    mlflow.log_metrics({**found, **trained.metrics})
    served = ServedModel(table.plan, trained.estimator, evaluation.threshold, table.contract)
    trained.log_native()
    log_onnx(table, trained)
    with tempfile.TemporaryDirectory() as folder:
        card = Path(folder) / CARD
        write_evaluation(table, trained, title, evaluation, card)
        mlflow.log_artifacts(str(card))
        uri = _log_served(table, served, card)
    mlflow.set_tags({MODEL: uri, PREPARED: table.output.uri, TABLE: table.key})
    logger.info("%s: %s", title, summary(found, table.recipe.metric))
    return Candidate(uri, found)


def log_refitted(
    table: PreparedTable, family: Family, first: Trained, title: str, threshold: float | None
) -> str:
    """Trains a candidate once more, validation rows included, and logs it in a child run.

    It trains as long as it did before, and keeps its threshold, since nothing is left to settle
    either on. It has no figures of the validation rows, and so is compared with nothing by them;
    but when the candidate is registered, this is the model that is.

    Args:
        table: The prepared table.
        family: The candidate's family.
        first: The candidate, as it was trained on the training rows alone.
        title: The candidate's name, for people.
        threshold: The candidate's; None unless there are two classes.

    Returns:
        The model's URI.
    """
    import mlflow

    with mlflow.start_run(run_name=f"{title}, on all rows", nested=True):
        with training_time():
            trained = family.train(
                EveryRow(table.output, table.instead), {**first.parameters, **first.settled}
            )
        _log_training(table, trained)
        served = ServedModel(table.plan, trained.estimator, threshold, table.contract)
        found = figures_on_test(table, served)
        mlflow.log_metrics(found | trained.metrics)
        trained.log_native()
        uri = _log_served(table, served)
        told = {PREPARED: table.output.uri, TABLE: table.key, "throughline.refit": "all"}
        mlflow.set_tags({MODEL: uri, **told})
    mlflow.set_tag(REFITTED, uri)
    metric = table.recipe.metric
    logger.info("%s, trained on all rows: test %s %.4f", title, metric, found[f"test_{metric}"])
    return uri


def summary(found: dict[str, float], metric: str) -> str:
    """The recipe's metric on validation and test, in one line."""
    return ", ".join(f"{p} {metric} {found[f'{p}_{metric}']:.4f}" for p in ("validation", "test"))


def _log_training(table: PreparedTable, trained: Trained) -> None:
    """Logs what a model was trained with: its parameters, the libraries, the data."""
    import mlflow

    mlflow.log_params({f"model.{name}": value for name, value in trained.parameters.items()})
    _log_versions()
    _log_dataset(table)


def _log_versions() -> None:
    import mlflow

    names = ("mlflow-skinny", "pyspark", "xgboost", "torch", "scikit-learn", "numpy", "polars")
    mlflow.set_tags({f"version.{name}": version(name) for name in names})


def _log_dataset(table: PreparedTable) -> None:
    """Logs the table as the run's data set; as tags where the server has no such thing."""
    import mlflow
    from mlflow.data.dataset_source_registry import resolve_dataset_source
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.exceptions import MlflowException

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow: the source "can be interpreted in multiple ways"
        source = resolve_dataset_source(table.output.uri)
    digest = table.output.manifest()["recipe"]
    dataset = MetaDataset(source, name=table.recipe.name, digest=digest)  # type: ignore[abstract]
    try:
        mlflow.log_input(dataset, context="training")
    except MlflowException as error:
        if error.error_code != "ENDPOINT_NOT_FOUND":
            raise
        told = {"name": table.recipe.name, "digest": digest, "source": table.output.uri}
        mlflow.set_tags({f"dataset.{key}": value for key, value in told.items()})


def _log_served(table: PreparedTable, served: ServedModel, card: Path | None = None) -> str:
    """Logs the served model, with its card beside it if there is one, and returns its URI."""
    import mlflow.pyfunc

    # it warns that xgboost-cpu, which an XGBoost model asks for, is not here: xgboost is
    logging.getLogger("mlflow.utils.requirements_utils").setLevel(logging.ERROR)
    rows = conform(table.example(), table.plan.inputs)
    answer = served.predict(rows)
    with serving_code() as code, tempfile.TemporaryDirectory() as folder:
        served.save(Path(folder) / "served")
        return log_model(
            mlflow.pyfunc,
            ARTIFACT,
            python_model=str(Path(__file__).with_name("models") / "served_pyfunc.py"),
            artifacts={
                "served": str(Path(folder) / "served"),
                **({CARD: str(card)} if card else {}),
            },
            code_paths=[str(code)],
            signature=signature_of(table.plan, answer),
            input_example=rows,
            pip_requirements=requirements(served),
        )


def requirements(served: ServedModel) -> list[str]:
    """The packages that the served model needs, as pinned here."""
    names = (*SERVING_PACKAGES, *served.estimator.requirements)
    return [line for name in names for line in _pins(name)]


def _pins(name: str) -> list[str]:
    """A package's pin; of XGBoost on Linux that of its build without CUDA's 300 MB."""
    pin = f"{name}=={version(name)}"
    if name != "xgboost":
        return [pin]
    cpu = f"xgboost-cpu=={version(name)}"
    return [f"{cpu} ; {_CPU_BUILD}", f"{pin} ; {_OTHER_BUILD}"]


@contextmanager
def serving_code() -> "Iterator[Path]":
    """A folder ``throughline`` with only the code that serving needs."""
    package = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / package.name
        for name in SERVING_CODE:
            source = package / name
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, target / name, ignore=ignored)
            else:
                shutil.copy2(source, target / name)
        yield target
