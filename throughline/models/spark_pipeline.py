"""A Spark ML pipeline over a prepared table: assembly, then the estimator."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.features.assembly import spark_assembler, with_category_sizes
from throughline.features.layout import Layout
from throughline.prepared import PreparedTable
from throughline.spark import session

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

FEATURES = "features"


def part_on_spark(table: PreparedTable, part: str) -> "DataFrame":
    """A part as Spark ML wants it: label and weight as doubles, the categories' sizes known."""
    from pyspark.sql import functions as F

    layout = table.layout
    rows = with_category_sizes(table.on_spark(session(), part), layout)
    doubles = [layout.label, *([layout.weight] if part == "train" and layout.weight else [])]
    return rows.withColumns({name: F.col(name).cast("double") for name in doubles})


def columns_of(layout: Layout) -> dict[str, Any]:
    """The parameters of a Spark ML estimator that name its columns."""
    weight = {"weightCol": layout.weight} if layout.weight else {}
    return {"featuresCol": FEATURES, "labelCol": layout.label, **weight}


def fitted_pipeline(table: PreparedTable, learner: Any) -> "PipelineModel":
    """The pipeline over prepared columns, fitted on the part ``train``."""
    from pyspark.ml import Pipeline

    rows = part_on_spark(table, "train").cache()
    try:
        return Pipeline(stages=[*spark_assembler(table.layout, FEATURES), learner]).fit(rows)
    finally:
        rows.unpersist()


@contextmanager
def saved(model: Any) -> Iterator[Path]:
    """A Spark ML model in a local folder meanwhile, for reading its data without the JVM."""
    with tempfile.TemporaryDirectory(prefix="throughline-model-") as folder:
        model.write().overwrite().save(Path(folder).as_uri())
        yield Path(folder)
