"""XGBoost on several Spark workers, for tables that one process should not hold."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from throughline.features.op import quoted
from throughline.models.estimator import xgboost_types
from throughline.prepared import PreparedTable
from throughline.spark import session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_LABEL, _WEIGHT, _VALIDATION = "label", "weight", "validation"
_SET_BY_SPARK = {"nthread", "num_class"}


def boosted_on_spark(table: PreparedTable, parameters: Mapping[str, Any], workers: int) -> Any:
    """The booster that ``xgboost.spark`` trains; the validation rows decide how many rounds.

    Which worker holds which rows is Spark's choice, so a sample of rows is not the same twice.

    Args:
        table: The prepared table.
        parameters: XGBoost's parameters, rounds and patience among them.
        workers: How many workers train; Spark runs them at once.
    """
    from xgboost.spark import SparkXGBClassifier, SparkXGBRegressor

    layout = table.layout
    chosen = {name: value for name, value in parameters.items() if name not in _SET_BY_SPARK}
    if not chosen["early_stopping_rounds"]:
        chosen["early_stopping_rounds"] = None
    if layout.task == "classification":
        del chosen["objective"]  # the classifier finds it from the classes
    kind = SparkXGBRegressor if layout.task == "regression" else SparkXGBClassifier
    learner = kind(
        features_col=[f"f{i}" for i in range(len(layout.features))],
        label_col=_LABEL,
        weight_col=_WEIGHT if layout.weight else None,
        validation_indicator_col=_VALIDATION,
        feature_types=xgboost_types(layout),
        num_workers=workers,
        force_repartition=True,  # or a worker may hold no validation rows
        **chosen,
    )
    rows = _rows(table, "train").unionByName(_rows(table, "validation"))
    booster = learner.fit(rows).get_booster()
    booster.feature_names = None
    return booster


def _rows(table: PreparedTable, part: str) -> "DataFrame":
    """A part's features as ``f0``, ``f1``, ... with label, weight and what the part is."""
    from pyspark.sql import functions as F

    layout = table.layout
    features = [F.col(quoted(feature.name)).cast("float") for feature in layout.features]
    weight = F.col(layout.weight) if layout.weight and part == "train" else F.lit(1.0)
    return table.on_spark(session(), part).select(
        *[column.alias(f"f{i}") for i, column in enumerate(features)],
        F.col(layout.label).cast("double").alias(_LABEL),
        weight.cast("float").alias(_WEIGHT),
        F.lit(part == "validation").alias(_VALIDATION),
    )
