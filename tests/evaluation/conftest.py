"""A candidate on the small table, evaluated once: with slices, and a cost of mistakes."""

import pytest

from throughline.evaluation.evaluation import evaluate
from throughline.models.xgboost import XGBoost
from throughline.prepared import PreparedTable
from throughline.recipe.threshold import ThresholdRule


@pytest.fixture(scope="package")
def table(prepared):
    opened = PreparedTable.open(prepared.output.uri)
    cost = ThresholdRule.model_validate({"cost": {"false_positive": 1, "false_negative": 5}})
    changes = {"slices": ("odd name", "flag"), "threshold": cost}
    opened.__dict__["recipe"] = prepared.recipe.model_copy(update=changes)
    return opened


@pytest.fixture(scope="package")
def trained(table):
    return XGBoost().train(table, {"n_estimators": 20, "min_child_weight": 1})


@pytest.fixture(scope="package")
def evaluation(table, trained):
    from throughline.evaluation.part import read_part

    read_part.cache_clear()  # another test's rows of the same table lack the slices' columns
    yield evaluate(table, trained.estimator)
    read_part.cache_clear()
