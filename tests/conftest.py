"""One Spark session for all tests of a process, and both engines behind one fixture."""

import contextlib
import datetime as dt
import gc
import math
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, Phase, settings

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

ROW = "__row"
WriteRecipe = Callable[..., Path]


SPARK_TYPES = {
    "double": "double",
    "long": "bigint",
    "string": "string",
    "timestamp": "timestamp",
    "boolean": "boolean",
}
POLARS_TYPES = {
    "double": pl.Float64(),
    "long": pl.Int64(),
    "string": pl.String(),
    "timestamp": pl.Datetime("us", "UTC"),
    "boolean": pl.Boolean(),
}
OF_PYTHON = {
    float: "double",
    int: "long",
    str: "string",
    dt.datetime: "timestamp",
    bool: "boolean",
}


def _type(values: Sequence[Any]) -> str:
    return next((OF_PYTHON[type(value)] for value in values if value is not None), "double")


def _plain(value: Any) -> Any:
    """Numbers and flags as floats, which is what a prepared table holds."""
    if isinstance(value, bool | int | float):
        return float(value)
    return value


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12) or left != left != right
    return bool(left == right)


class Both:
    """The same rows on Spark and on Polars; what differs between them fails the test."""

    def __init__(self, spark: Any) -> None:
        self.spark = spark

    def training(
        self, columns: Mapping[str, Sequence[Any]], types: Mapping[str, str] | None = None
    ) -> Any:
        """Rows on Spark, to fit on."""
        from pyspark.sql.types import StructField, StructType, _parse_datatype_string

        kinds = {name: (types or {}).get(name, _type(v)) for name, v in columns.items()}
        fields = [
            StructField(name, _parse_datatype_string(SPARK_TYPES.get(kind, kind)))
            for name, kind in kinds.items()
        ]
        rows = list(zip(*columns.values(), strict=True))
        return self.spark.createDataFrame(rows, StructType(fields)).coalesce(1)

    def serving(
        self, columns: Mapping[str, Sequence[Any]], types: Mapping[str, str] | None = None
    ) -> pl.DataFrame:
        """The same rows on Polars, as a served model types them."""
        return pl.DataFrame(
            {
                name: pl.Series(values, dtype=POLARS_TYPES[(types or {}).get(name, _type(values))])
                for name, values in columns.items()
            }
        )

    def fit(self, op: Any, columns: Mapping[str, Sequence[Any]], **types: str) -> Any:
        """Fits one op on rows."""
        from throughline.features.fitting import fit_ops

        (fitted,) = fit_ops([op], self.training(columns, types))
        return fitted

    def apply(
        self,
        do: Any,
        columns: Mapping[str, Sequence[Any]],
        **types: str,
    ) -> dict[str, list[Any]]:
        """Applies a fitted op (or a function of a frame) on both; returns what both give.

        Numbers come back as floats. Rows are in the order they had; times are left out.
        """
        do = do if callable(do) else do.apply
        count = len(next(iter(columns.values())))
        rows = {**columns, ROW: list(range(count))}
        on_polars = (
            do(nw.from_native(self.serving(rows, types))).to_native().to_dict(as_series=False)
        )
        on_spark = self._collected(do(nw.from_native(self.training(rows, types))).to_native())
        times = [name for name, values in columns.items() if _type(values) == "timestamp"]
        for found in (on_polars, on_spark):
            for name in {*times, *(n for n, k in types.items() if k == "timestamp")}:
                found.pop(name, None)
        on_polars = {name: [_plain(v) for v in values] for name, values in on_polars.items()}
        assert set(on_spark) == set(on_polars)
        for name, values in on_polars.items():
            pairs = list(zip(values, on_spark[name], strict=True))
            assert all(_same(*pair) for pair in pairs), f"{name}: (polars, spark) {pairs}"
        del on_polars[ROW]
        return on_polars

    def _collected(self, frame: Any) -> dict[str, list[Any]]:
        rows = sorted(frame.collect(), key=lambda row: row[ROW])
        return {name: [_plain(row[i]) for row in rows] for i, name in enumerate(frame.columns)}


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
