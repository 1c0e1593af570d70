"""A prepared training table with a small class, and what balancing makes of it."""

import numpy as np
import pandas as pd
import pytest

from throughline.balance.balance import Balance, balanced
from throughline.balance.row import with_row
from throughline.features.layout import Feature, Layout

LAYOUT = Layout(
    features=(
        Feature(name="x (m)", kind="numeric"),
        Feature(name="c", kind="category", cardinality=4, view="one_hot"),
        Feature(name="时.`'z", kind="numeric"),
    ),
    label="late ?",
    task="classification",
    classes=("no", "yes", "maybe"),
)


def prepared_rows(counts, seed=1):
    """Rows with a key, each class around its own place; maybe is always of category 3."""
    draw = np.random.default_rng(seed)
    label = np.repeat(range(len(counts)), counts)
    return pd.DataFrame(
        {
            "id": range(len(label)),
            "late ?": label.astype("int32"),
            "x (m)": (10 * label + draw.normal(size=len(label))).astype("float32"),
            "c": np.where(label == 2, 3, draw.integers(0, 2, len(label))).astype("int32"),
            "时.`'z": (label + 5 * draw.normal(size=len(label))).astype("float32"),
        }
    )


TYPES = {"late ?": "int", "x (m)": "float", "c": "int", "时.`'z": "float"}


@pytest.fixture
def layout():
    return LAYOUT


@pytest.fixture
def make_rows():
    return prepared_rows


@pytest.fixture
def balance(spark):
    """Balances rows as a recipe's ``balance`` says; what comes out is sorted."""
    from pyspark.sql import functions as F

    def do(rows, partitions=2, **said):
        table = with_row(spark.createDataFrame(rows).repartition(partitions), ["id"])
        cast = [F.col("__row")]
        for name, kind in TYPES.items():
            cast.append(F.col("`" + name.replace("`", "``") + "`").cast(kind).alias(name))
        table = table.select(cast)
        with balanced(table, LAYOUT, Balance.model_validate(said)) as (ready, layout, real):
            found = ready.toPandas()
        assert not table.is_cached
        assert real == len(rows)
        return found.sort_values(list(found.columns), ignore_index=True), layout

    return do
