"""Preparation outgrows one machine: no row passes through Python or comes to the driver."""

import ast
from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from throughline.outputs import Output
from throughline.preparation import labelled_training, prepare
from throughline.raw_rows import raw_table
from throughline.recipe.file import parse_recipe

ROWS = 4000
FEW = 200  # what may come to the driver at once: a result per group, fold or bucket

RECIPE = """
name: scale
source: {table: TABLE}
key: [id]
label: {name: late, from: delay > 0, task: classification}
known_after: [delay]
history:
  - rolling: {of: delay, by: [c], time: t, at: t, within: 2h, lag: 1h, functions: [mean]}
split: {by: t, test: 0.2, validation: 0.2}
prepare:
  - drop_rows: {missing: [late]}
  - fill: {columns: [words], value: none}
  - impute: {columns: [x], strategy: median, flag: true}
  - impute_by_group: {columns: [z], by: [c], strategy: mean}
  - impute_by_cluster: {columns: [w], using: [x, z], clusters: 4}
  - clip: {columns: [x], quantiles: [0.01, 0.99]}
  - flag: {name: big, when: x > 1}
  - expression: {name: twice, value: 2 * x}
  - interact: {columns: [x, z]}
  - date_parts: {column: t, parts: [hour, week, days_to_holiday], country: US, cyclic: [hour], time_zone: America/New_York}
  - bin: {column: z, quantiles: 4}
  - aggregate: {by: [c], of: x, functions: [mean, count, std, min, max, distinct], smoothing: 2}
  - aggregate: {by: [d], of: late, functions: [mean]}
  - target_mean: {columns: [c]}
  - frequency: {columns: [c, d]}
  - embed: {column: words, size: 3}
  - derive_by_example: {name: letter, from: [code], examples: [{in: ["a-12"], out: a}, {in: ["b-7"], out: b}]}
  - hash: {columns: [code], buckets: 8}
  - ordinal: {columns: [d], by: frequency}
  - one_hot: {columns: [c, letter]}
  - scale: {columns: [x, z, w, twice]}
metric: roc_auc
models: [{family: xgboost}]
"""  # noqa: E501


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    draw = np.random.default_rng(7)
    x = draw.normal(size=ROWS)
    letters = draw.choice(list("abc"), ROWS)
    table = pd.DataFrame(
        {
            "id": range(ROWS),
            "t": pd.date_range("2020-01-01", periods=ROWS // 4, freq="h", tz="UTC").repeat(4),
            "x": np.where(draw.random(ROWS) < 0.1, np.nan, x),
            "z": np.where(draw.random(ROWS) < 0.1, np.nan, draw.normal(size=ROWS)),
            "w": np.where(draw.random(ROWS) < 0.5, np.nan, x + 1),
            "c": letters,
            "d": draw.choice(["p", "q", None], ROWS),
            "words": draw.choice(["red car", "blue car", "green bus", None], ROWS),
            "code": [f"{letter}-{i % 17}" for i, letter in enumerate(letters)],
            "delay": x + draw.normal(size=ROWS),
        }
    )
    path = tmp_path_factory.mktemp("scale") / "rows.parquet"
    table.to_parquet(path, index=False, coerce_timestamps="us")
    return parse_recipe(RECIPE.replace("TABLE", str(path)))


@pytest.fixture(scope="module")
def brought(spark, recipe, tmp_path_factory):
    """A finished preparation, and how many rows each action of it brought to the driver."""
    from pyspark.sql import DataFrame

    counts: list[int] = []
    collect, iterate, arrow = DataFrame.collect, DataFrame.toLocalIterator, DataFrame.toPandas

    def counted_iterator(frame, prefetchPartitions=False):  # noqa: N803 (Spark's name)
        rows = list(iterate(frame, prefetchPartitions))
        counts.append(len(rows))
        return iter(rows)

    def counted(method):
        def call(frame):
            found = method(frame)
            counts.append(len(found))
            return found

        return call

    output = Output.below(str(tmp_path_factory.mktemp("data")), "prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DataFrame, "collect", counted(collect))
        patch.setattr(DataFrame, "toPandas", counted(arrow))
        patch.setattr(DataFrame, "toLocalIterator", counted_iterator)
        made = prepare(spark, recipe, output, "unused", row_groups=2)
    return output, made, counts


def test_no_action_brings_the_rows_to_the_driver(brought):
    _, made, counts = brought
    assert made.rows["train"] > 10 * FEW
    assert len(counts) > 10
    assert max(counts) <= FEW


def test_no_row_passes_through_python(spark, recipe, brought):
    output, made, _ = brought
    raw = spark.read.parquet(output.path("raw"))
    training = labelled_training(raw, recipe, made.plan.layout.classes)
    frames = {
        "raw": raw_table(spark, recipe, "unused"),
        "training": made.plan.transform_to_train(nw.from_native(training)).to_native(),
        "serving": made.plan.transform(nw.from_native(raw)).to_native(),
    }
    for name, frame in frames.items():
        plan = frame._jdf.queryExecution().executedPlan().toString()
        assert "Scan parquet" in plan, name
        for node in ("Python", "MapInPandas", "MapInArrow", "ArrowEval", "FlatMapGroups"):
            assert node not in plan, (name, node)


ROW_BY_ROW = {
    "applyInPandas", "foreach", "foreachPartition", "mapInArrow", "mapInPandas", "mapPartitions",
    "pandas_udf", "rdd", "udf",
}  # fmt: skip
ON_PURPOSE = {
    ("balance/smote.py", "applyInPandas"),  # the rows of small classes, block by block
    ("scoring/scoring.py", "mapInArrow"),  # a model's answers, whole batches at once
    ("tuning/spark_workers.py", "mapPartitions"),  # a trial, over one row that stands for it
}


def test_the_code_has_no_function_of_python_over_rows():
    project = Path(__file__).parents[1] / "throughline"
    found = set()
    for file in project.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ROW_BY_ROW:
                found.add((file.relative_to(project).as_posix(), node.attr))
    assert found == ON_PURPOSE
