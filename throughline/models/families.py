"""The model families by their names in a recipe; a new family is added here."""

from throughline.errors import UserError
from throughline.models.family import Family, Parameters
from throughline.models.keras import Keras
from throughline.models.sklearn_boosting import SklearnBoosting
from throughline.models.sklearn_forest import SklearnForest
from throughline.models.sklearn_linear import SklearnLinear
from throughline.models.spark_family import SparkFamily
from throughline.models.spark_forest import SparkForest
from throughline.models.spark_gbt import SparkGbt
from throughline.models.spark_linear import SparkLinear
from throughline.models.spark_perceptron import SparkPerceptron
from throughline.models.spark_tree import SparkTree
from throughline.models.tensorflow import TensorFlow
from throughline.models.torch import Torch
from throughline.models.xgboost import XGBoost
from throughline.prepared import PreparedTable
from throughline.recipe.candidates import Model
from throughline.recipe.recipe import Recipe
from throughline.strict import nearest

_ALL: tuple[Family, ...] = (
    SparkLinear(),
    SparkTree(),
    SparkForest(),
    SparkGbt(),
    SparkPerceptron(),
    SklearnLinear(),
    SklearnForest(),
    SklearnBoosting(),
    XGBoost(),
    Torch(),
    Keras(),
    TensorFlow(),
)
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}


def trains_on_spark(family: Family, table: PreparedTable, parameters: Parameters) -> bool:
    """Whether a family's training of this table may be jobs of Spark, not of this process alone.

    Args:
        family: The family.
        table: The prepared table.
        parameters: Those that are given; None stands for one that is drawn.
    """
    if isinstance(family, SparkFamily):
        return True
    known = family.defaults(table).get("spark_from_rows")
    rows = parameters.get("spark_from_rows", known)
    return known is not None and (rows is None or table.rows["train"] >= int(rows))


def models_named(recipe: Recipe, name: str) -> list[Model]:
    """The recipe's models that one process trains: all of them, or the one called ``name``.

    Raises:
        UserError: If the recipe has no such model.
    """
    here = {model.title: model for model in recipe.models if model.family in FAMILIES}
    if name == "all":
        return list(here.values())
    if name not in here:
        raise UserError(f"The recipe {recipe.name} has no model {name!r}; {nearest(name, here)}.")
    return [here[name]]
