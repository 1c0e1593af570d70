"""A Spark ML pipeline over a prepared table: assembly, then the estimator."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import UserError
from throughline.features.assembly import spark_assembler, with_category_sizes
from throughline.features.layout import Layout
from throughline.features.op import quoted
from throughline.prepared import PreparedTable
from throughline.spark import session

if TYPE_CHECKING:
    from pyspark.ml import Pipeline, PipelineModel
    from pyspark.sql import DataFrame

FEATURES = "features"
_MADE = (FEATURES, "prediction", "probability", "rawPrediction")


def part_on_spark(table: PreparedTable, part: str) -> "DataFrame":
    """A part as Spark ML wants it."""
    return as_spark_ml_wants(table.on_spark(session(), part), table.layout)


def as_spark_ml_wants(rows: "DataFrame", layout: Layout) -> "DataFrame":
    """Prepared rows with label and weight as doubles, and the categories' sizes known."""
    from pyspark.sql import functions as F

    doubles = [name for name in (layout.label, layout.weight) if name in rows.columns]
    rows = with_category_sizes(rows, layout)
    return rows.withColumns({name: F.col(quoted(name)).cast("double") for name in doubles})


def columns_of(layout: Layout) -> dict[str, Any]:
    """The parameters of a Spark ML estimator that name its columns."""
    weight = {"weightCol": layout.weight} if layout.weight else {}
    return {"featuresCol": FEATURES, "labelCol": layout.label, **weight}


def refuse_taken_names(family: str, layout: Layout) -> None:
    """Raises a UserError if a feature or the label is called as a column of the pipeline is."""
    for what, names in (
        ("feature", [feature.name for feature in layout.features]),
        ("label", [layout.label]),
    ):
        for name in names:
            if name in _MADE:
                raise UserError(
                    f"The family {family} makes a column {name!r} of its own; rename the {what} "
                    f"{name!r} in the recipe, or use another family."
                )


def fitted_pipeline(table: PreparedTable, learner: Any) -> "PipelineModel":
    """The pipeline over prepared columns, fitted on the part ``train``."""
    rows = part_on_spark(table, "train").cache()
    try:
        return pipeline(table.layout, learner).fit(rows)
    finally:
        rows.unpersist()


def pipeline(layout: Layout, learner: Any) -> "Pipeline":
    """Assembly, then the estimator."""
    from pyspark.ml import Pipeline

    return Pipeline(stages=[*spark_assembler(layout, FEATURES), learner])


@contextmanager
def saved(model: Any) -> Iterator[Path]:
    """A Spark ML model in a local folder meanwhile, for reading its data without the JVM."""
    with tempfile.TemporaryDirectory(prefix="throughline-model-") as folder:
        model.write().overwrite().save(Path(folder).as_uri())
        yield Path(folder)
