"""One Spark session for all tests of a process, and both engines behind one fixture."""

import contextlib
import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, settings

from tests.both_engines import Both

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell starts with an &
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("SPARK_CONF_DIR", str(Path(__file__).with_name("spark")))
settings.register_profile("throughline", deadline=None)  # the machine may be busy
settings.load_profile("throughline")
settings.register_profile(
    "on_spark",
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # shrinking would call Spark for minutes
    suppress_health_check=list(HealthCheck),
)

pytest_plugins = ["tests.scheduling"]
pytest.register_assert_rewrite("tests.faults.chain")  # its checks say what they found

WriteRecipe = Callable[..., Path]


@pytest.fixture(scope="session")
def spark():
    """The session that the tests of a process share, set for tiny tables."""
    from throughline.spark import session

    os.environ.setdefault("THROUGHLINE_SPARK_MEMORY", "2g")
    started = session("throughline-tests")
    started.conf.set("spark.sql.shuffle.partitions", "2")
    yield started
    started.stop()


@pytest.fixture(scope="module", autouse=True)
def _forget_frames():
    """Lets Spark forget the frames of a module's tests.

    Each lives in Spark for as long as a Python object names it, and Python leaves objects that
    name each other to a collection that gets ever rarer: in the end Spark is out of memory.
    """
    yield
    if "pyspark" in sys.modules:
        gc.collect()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty tracking store and registry, to copy: to make one takes MLflow seconds."""
    import mlflow

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    with contextlib.chdir(path.parent):  # artifacts go below the folder it was made in
        mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def own_store(empty_store: Path, tmp_path: Path) -> Iterator[None]:
    """Makes an empty tracking store of the test's own the active one."""
    import mlflow

    shutil.copy(empty_store, tmp_path / "mlflow.db")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture
def gone_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Makes a tracking server that has gone the active one; its address has a password in it."""
    import mlflow

    before = mlflow.get_tracking_uri()

    def leave() -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
        mlflow.set_tracking_uri("http://ada:secret@127.0.0.1:9")

    yield leave
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="session")
def both(spark) -> Both:
    return Both(spark)


SMALL = """
name: small
source: {table: TABLE}
key: [id]
label: {name: late, from: delay > 30, task: classification}
known_after: [delay]
split: {by: t, test_from: 2013-01-09, validation: 0.2}
prepare:
  - drop_rows: {missing: [late]}
  - fill: {columns: [odd name], value: UNKNOWN}
  - impute: {columns: [x], strategy: median, flag: true}
  - date_parts: {column: t, parts: [hour, day_of_week], time_zone: America/New_York}
  - one_hot: {columns: [odd name]}
  - scale: {columns: [x]}
metric: roc_auc
models:
  - {family: xgboost, parameters: {n_estimators: 20}}
"""


def small_rows() -> Any:
    """Ten days of hourly rows, of which some miss a number, a category or the label."""
    import numpy as np
    import pandas as pd

    draw = np.random.default_rng(7)
    count = 240
    x, n = draw.normal(size=count), draw.integers(0, 5, count)
    category = draw.choice(np.array(["a", "b", "时间", None], dtype=object), count)
    delay = 30 + 40 * x + 10 * (n - 2) + 20 * (category == "a") + draw.normal(size=count)
    return pd.DataFrame(
        {
            "id": range(count),
            "t": pd.date_range("2013-01-01", periods=count, freq="h", tz="UTC"),
            "x": np.where(draw.random(count) < 0.1, np.nan, x),
            "n": n,
            "odd name": category,
            "flag": draw.random(count) < 0.5,
            "remark": "never a feature",
            "delay": np.where(draw.random(count) < 0.05, np.nan, delay),
        }
    )


@pytest.fixture(scope="session")
def small_recipe_text() -> str:
    """The recipe of the small table; TABLE stands for its path."""
    return SMALL


@pytest.fixture(scope="session")
def small_table(tmp_path_factory):
    """The path of the small table as Parquet."""
    path = tmp_path_factory.mktemp("small table") / "rows.parquet"
    small_rows().to_parquet(path, index=False, coerce_timestamps="us")
    return path


@pytest.fixture(scope="session")
def write_recipe(
    tmp_path_factory: pytest.TempPathFactory, small_recipe_text: str, small_table: Path
) -> WriteRecipe:
    """Writes the small recipe with other values at its top."""

    def write(name: str, **values: Any) -> Path:
        # on a cluster of Databricks a path without a scheme would be one of DBFS
        recipe = yaml.safe_load(small_recipe_text.replace("TABLE", f"file://{small_table}"))
        path = tmp_path_factory.mktemp("recipe") / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**recipe, "name": name, **values}), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def prepared(spark, small_table, tmp_path_factory):
    """A finished preparation of the small table."""
    from throughline.outputs import Output
    from throughline.preparation import prepare
    from throughline.prepared import PreparedTable
    from throughline.recipe.file import parse_recipe

    recipe = parse_recipe(SMALL.replace("TABLE", str(small_table)))
    output = Output.below(str(tmp_path_factory.mktemp("data root")), "prepared")
    prepare(spark, recipe, output, "unused", row_groups=2)
    return PreparedTable.open(output.uri)


@pytest.fixture(scope="session")
def served(prepared):
    """A served model of the small table."""
    from throughline.models.served import ServedModel
    from throughline.models.xgboost import XGBoost

    trained = XGBoost().train(prepared, {"n_estimators": 20, "min_child_weight": 1})
    return ServedModel(prepared.plan, trained.estimator, threshold=0.4)


@pytest.fixture(scope="session")
def complete(prepared):
    """A served model of the small table that takes no missing values."""
    import numpy as np

    from throughline.features.assembly import wide_names
    from throughline.models.dense_graph import dense_graph
    from throughline.models.estimator import OnnxEstimator
    from throughline.models.served import ServedModel

    layout = prepared.layout
    weights = np.linspace(-0.1, 0.1, len(wide_names(layout)))[:, np.newaxis]
    graph = dense_graph([(weights, np.zeros(1))], layout)
    estimator = OnnxEstimator(graph, layout, takes_missing=False)
    return ServedModel(prepared.plan, estimator, threshold=0.4)
