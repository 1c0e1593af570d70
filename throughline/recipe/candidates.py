"""A recipe's candidates, and when one becomes the champion."""

from typing import Any, Literal

from pydantic import Field

from throughline.strict import Strict

Families = Literal[
    "spark_linear",
    "spark_tree",
    "spark_forest",
    "spark_gbt",
    "spark_perceptron",
    "sklearn_linear",
    "sklearn_forest",
    "sklearn_boosting",
    "xgboost",
    "torch",
    "keras",
    "tensorflow",
    "network",
]
Metric = Literal["roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "rmse", "mae", "r2"]


class Model(Strict):
    """A candidate: a model family and the parameters that differ from the family's defaults."""

    family: Families
    name: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """The candidate's name; the family's unless one is given."""
        return self.name or self.family


class Promote(Strict):
    """When a candidate becomes the champion."""

    at_least: dict[Metric, float] = Field(default_factory=dict)
    beat_champion: bool = True
