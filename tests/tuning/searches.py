"""Small searches for tests."""

from throughline.recipe.search import Search

FIXED = {"n_estimators": 5, "min_child_weight": 1, "nthread": 1}
ENGINES = ("hyperopt", "optuna")


def wanted(max_evals=4, parameters=FIXED, family="xgboost", engine="hyperopt", **space):
    settings = {"trials": "local", "seed": 7, "engine": engine, "max_evals": max_evals}
    return Search(family=family, space=space, parameters=parameters, **settings)


def changed(asked, **fields):
    return Search(**{**asked.model_dump(), **fields})
