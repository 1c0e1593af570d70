"""Prepared tables made from arrays, without a preparation."""

import json
from collections.abc import Callable

import mlflow
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.features.layout import Feature, Layout
from throughline.features.plan import Plan
from throughline.outputs import Output
from throughline.prepared import PreparedTable
from throughline.recipe.file import parse_recipe

RECIPE = """
name: made
source: {table: none.parquet}
key: [id]
label: {name: y, task: TASK}
split: {random: {test: 0.2, validation: 0.2}}
prepare: [{drop_rows: {missing: [y]}}]
metric: METRIC
models: [{family: xgboost}]
"""
CLASSES = {"binary": ("no", "yes"), "classes": ("a", "b", "c"), "regression": None}


def layout_of(kind: str) -> Layout:
    """Two numbers, a one-hot category of which no row has the last code, an ordered one."""
    return Layout(
        features=(
            Feature(name="x (m)", kind="numeric"),
            Feature(name="c", kind="category", cardinality=4, view="one_hot"),
            Feature(name="z", kind="numeric"),
            Feature(name="o", kind="category", cardinality=3, view="ordinal"),
        ),
        label="y",
        task="regression" if kind == "regression" else "classification",
        classes=CLASSES[kind],
    )


def rows(count: int, kind: str, seed: int) -> dict[str, np.ndarray]:
    """Rows whose label follows from all four features."""
    draw = np.random.default_rng(seed)
    x, z = draw.normal(size=(2, count)).astype(np.float32)
    c, o = draw.integers(0, 3, (2, count)).astype(np.int32)
    value = 2.0 * x - z * (c == 1) + 1.5 * (c == 2) + o + 0.3 * draw.normal(size=count)
    label = {
        "regression": 100.0 * value,
        "binary": (value > 1).astype(np.int32),
        "classes": np.digitize(value, [0, 2]).astype(np.int32),
    }[kind]
    return {"x (m)": x, "c": c, "z": z, "o": o, "y": label}


def write_part(output: Output, part: str, columns: dict[str, np.ndarray]) -> None:
    """Writes a part of a prepared table as one file."""
    from pathlib import Path

    folder = Path(output.path(part))
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / "rows.parquet")


@pytest.fixture
def make_layout() -> Callable[[str], Layout]:
    return layout_of


@pytest.fixture
def make_rows() -> Callable[[int, str, int], pa.Table]:
    return lambda count, kind, seed: pa.table(rows(count, kind, seed))


@pytest.fixture
def make_table(tmp_path) -> Callable[[str], PreparedTable]:
    """Makes a prepared table of a kind: binary, classes or regression."""

    def make(kind: str) -> PreparedTable:
        output = Output.below(str(tmp_path), kind)
        for seed, part in enumerate(("train", "validation", "test")):
            write_part(output, part, rows(600 if part == "train" else 200, kind, seed))
        layout = layout_of(kind)
        metric = "rmse" if kind == "regression" else "roc_auc"
        recipe = parse_recipe(RECIPE.replace("TASK", layout.task).replace("METRIC", metric))
        output.write_text("plan.json", Plan(inputs=(), ops=(), layout=layout).to_json())
        text = json.dumps(recipe.model_dump(mode="json", by_alias=True))
        output.write_text("recipe.json", text)
        output.commit({"rows": {"train": 600, "validation": 200, "test": 200}, "recipe": "r"})
        return PreparedTable.open(output.uri)

    return make


@pytest.fixture
def experiment(tmp_path):
    """An experiment of a store of its own; MLflow's choice of both is as before afterwards."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    yield mlflow.create_experiment("made", artifact_location=(tmp_path / "artifacts").as_uri())
    mlflow.set_tracking_uri(before)
