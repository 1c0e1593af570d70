import numpy as np
import pytest

from throughline.features.assembly import (
    narrow_matrix,
    spark_assembler,
    split_matrices,
    wide_matrix,
    wide_names,
    with_category_sizes,
)
from throughline.features.layout import Feature, Layout

LAYOUT = Layout(
    features=(
        Feature(name="x", kind="numeric"),
        Feature(name="c", kind="category", cardinality=3, view="one_hot"),
        Feature(name="o", kind="category", cardinality=4, view="ordinal"),
        Feature(name="e", kind="category", cardinality=2, view="embed"),
    ),
    label="y",
    task="regression",
)
COLUMNS = {
    "x": np.array([0.5, -1.0, 2.0], dtype=np.float32),
    "c": np.array([0, 2, 0], dtype=np.int32),
    "o": np.array([3, 0, 1], dtype=np.int32),
    "e": np.array([1, 1, 0], dtype=np.int32),
}
WIDE = [[0.5, 1, 0, 0, 3, 0, 1], [-1.0, 0, 0, 1, 0, 0, 1], [2.0, 1, 0, 0, 1, 1, 0]]


def test_the_wide_matrix_and_its_names():
    matrix = wide_matrix(COLUMNS, LAYOUT)
    assert matrix.dtype == np.float32
    assert matrix.tolist() == WIDE
    assert wide_names(LAYOUT) == ["x", "c=0", "c=1", "c=2", "o", "e=0", "e=1"]


def test_spark_assembles_the_same_even_for_codes_that_no_row_has(both):
    from pyspark.ml import Pipeline

    table = both.training({name: values.tolist() for name, values in COLUMNS.items()})
    table = with_category_sizes(table, LAYOUT)
    pipeline = Pipeline(stages=list(spark_assembler(LAYOUT))).fit(table)
    rows = pipeline.transform(table).select("features").collect()
    assert [row.features.toArray().tolist() for row in rows] == WIDE


def test_the_narrow_matrix_and_the_split_ones():
    narrow = narrow_matrix(COLUMNS, LAYOUT)
    assert narrow.tolist() == [[0.5, 0, 3, 1], [-1.0, 2, 0, 1], [2.0, 0, 1, 0]]
    numeric, categories = split_matrices(COLUMNS, LAYOUT)
    assert (numeric.dtype, categories.dtype) == (np.float32, np.int64)
    assert numeric.tolist() == [[0.5], [-1.0], [2.0]]
    assert categories.tolist() == [[0, 3, 1], [2, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize("kind", ["numeric", "category"])
def test_a_layout_of_one_kind_only(kind):
    features = tuple(feature for feature in LAYOUT.features if feature.kind == kind)
    layout = LAYOUT.model_copy(update={"features": features})
    numeric, categories = split_matrices(COLUMNS, layout)
    assert numeric.shape == (3, len(layout.numeric))
    assert categories.shape == (3, len(layout.categories))
    assert wide_matrix(COLUMNS, layout).shape == (3, len(wide_names(layout)))


def test_a_view_without_the_rest_has_no_column_for_the_last_code(both):
    from pyspark.ml import Pipeline

    features = (
        Feature(name="k", kind="category", cardinality=3, view="one_hot_known"),
        Feature(name="nothing", kind="category", cardinality=1, view="one_hot_known"),
        Feature(name="c", kind="category", cardinality=2, view="one_hot"),
    )
    layout = Layout(features=features, label="y", task="regression")
    columns = {"k": [0, 1, 2, 2], "nothing": [0, 0, 0, 0], "c": [0, 1, 1, 0]}
    wide = [[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 0, 1], [0, 0, 1, 0]]
    assert wide_matrix(columns, layout).tolist() == wide
    assert wide_names(layout) == ["k=0", "k=1", "c=0", "c=1"]
    table = with_category_sizes(both.training(columns), layout)
    rows = Pipeline(stages=list(spark_assembler(layout))).fit(table).transform(table).collect()
    assert [row.features.toArray().tolist() for row in rows] == wide
