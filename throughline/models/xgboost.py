"""XGBoost over the narrow matrix; it takes missing values as they are."""

import logging
import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from throughline.errors import UserError
from throughline.features.assembly import narrow_matrix
from throughline.features.layout import Layout
from throughline.models.estimator import XGBoostEstimator, load_estimator, rounds_of, xgboost_types
from throughline.models.family import (
    Parameters,
    Trained,
    Watch,
    refused_parameters,
    refused_values,
    with_defaults,
)
from throughline.models.logged import log_model
from throughline.models.served_check import first_test_rows, rows_apart
from throughline.models.xgboost_graph import xgboost_graph
from throughline.models.xgboost_on_spark import boosted_on_spark
from throughline.prepared import PreparedTable
from throughline.spark import session

logger = logging.getLogger(__name__)

_PROBABILITIES = {
    True: ("binary:logistic", "reg:logistic", "binary:hinge"),
    False: ("multi:softprob",),
}
"""The objectives whose scores are between 0 and 1, by whether there are two classes."""


class XGBoost:
    """Gradient-boosted trees; the validation rows decide how many, unless the patience is 0.

    The names of the parameters are XGBoost's own; ``n_estimators`` is the most rounds to boost, and
    from ``spark_from_rows`` training rows on ``xgboost.spark`` trains.
    """

    name: ClassVar[str] = "xgboost"

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """XGBoost's parameters, slower to learn and more regular than its own defaults."""
        return {
            **_objective(table.layout),
            "n_estimators": 1000,
            "early_stopping_rounds": 50,
            "learning_rate": 0.05,
            "max_depth": 6,
            "min_child_weight": 20.0,
            "subsample": 0.8,
            "colsample_bytree": 0.5,
            "gamma": 0.0,
            "reg_alpha": 0.0,
            "reg_lambda": 1.0,
            "max_bin": 256,
            "max_cat_to_onehot": 4,
            "tree_method": "hist",
            "seed": 7,
            "nthread": os.cpu_count() or 1,
            "spark_from_rows": 5_000_000,
        }

    def train(self, table: PreparedTable, parameters: Parameters) -> Trained:
        """Boosts until the validation rows show no gain for ``early_stopping_rounds``."""
        return self.train_watched(table, parameters, None)

    def train_watched(
        self, table: PreparedTable, parameters: Parameters, watch: Watch | None
    ) -> Trained:
        """The same, and tells ``watch`` now and then how it goes; not where Spark trains."""
        import xgboost

        chosen = with_defaults(self, table, parameters)
        booster_parameters = _checked(chosen, table.layout)
        large = table.rows["train"] >= booster_parameters.pop("spark_from_rows")
        with refused_values(self.name, (xgboost.core.XGBoostError,)):
            if large:
                booster = _boosted_on_spark(table, booster_parameters)
            else:
                booster = _boosted_here(table, booster_parameters, watch)
        estimator, rounds = XGBoostEstimator(booster, table.layout), rounds_of(booster)
        gains = {str(name): _number(v) for name, v in booster.get_score("", "total_gain").items()}
        names = [feature.name for feature in table.layout.features]
        return Trained(
            estimator=estimator,
            parameters=chosen,
            importances={name: gains.get(f"f{i}", 0.0) for i, name in enumerate(names)},
            log_native=lambda: _log_native(booster),
            metrics={
                "boosting_rounds": float(rounds),
                "rounds_run": float(booster.num_boosted_rounds()),
                "rows_scored_otherwise": _rows_scored_otherwise(table, estimator),
            },
            settled={"n_estimators": rounds, "early_stopping_rounds": 0},
            export_onnx=lambda: xgboost_graph(booster, table.layout),
        )


def _checked(chosen: Parameters, layout: Layout) -> dict[str, Any]:
    """The parameters, those that XGBoost's boosters do not check by themselves looked at.

    Raises:
        UserError: If a whole number is none, or a classification's objective gives no
            probabilities.
    """
    objective = chosen["objective"]
    if layout.classes and objective not in _PROBABILITIES[layout.binary]:
        raise refused_parameters(
            XGBoost.name, f"the objective {objective!r} gives no probabilities of these classes"
        )
    patience = chosen["early_stopping_rounds"]
    whole = {
        "n_estimators": chosen["n_estimators"],
        "early_stopping_rounds": 0 if patience is None else patience,  # as XGBoost's own
        "spark_from_rows": chosen["spark_from_rows"],
    }
    for name, value in whole.items():
        try:
            whole[name] = int(value)
        except (TypeError, ValueError, OverflowError):
            reason = f"{name} is {value!r}, no whole number"
            raise refused_parameters(XGBoost.name, reason) from None
    return {**chosen, **whole}


def _boosted_here(
    table: PreparedTable, parameters: dict[str, Any], watch: Watch | None = None
) -> Any:
    import xgboost

    from throughline.models.xgboost_watch import watching

    logger.info("xgboost trains on %d rows in this process", table.rows["train"])
    rounds = parameters.pop("n_estimators")
    patience = parameters.pop("early_stopping_rounds")
    return xgboost.train(
        parameters,
        _matrix(table, "train"),
        rounds,
        evals=[(_matrix(table, "validation"), "validation")],
        early_stopping_rounds=patience,
        verbose_eval=False,
        callbacks=[watching(watch)] if watch else [],
    )


def _boosted_on_spark(table: PreparedTable, parameters: dict[str, Any]) -> Any:
    layout = table.layout
    if layout.classes and parameters["objective"] != _objective(layout)["objective"]:
        raise UserError(
            f"xgboost.spark cannot train a classification with the objective "
            f"{parameters['objective']!r}; remove it, or set spark_from_rows above "
            f"{table.rows['train']}."
        )
    workers = session().sparkContext.defaultParallelism
    logger.info("xgboost.spark trains on %d rows with %d workers", table.rows["train"], workers)
    return boosted_on_spark(table, parameters, workers)


def _rows_scored_otherwise(table: PreparedTable, estimator: XGBoostEstimator) -> float:
    """How many of the first test rows the booster scores apart from what serving loads."""
    columns = first_test_rows(table)
    with tempfile.TemporaryDirectory(prefix="throughline-model-") as folder:
        estimator.save(Path(folder))
        served = load_estimator(Path(folder), table.layout)
    return rows_apart(estimator.predict(columns), served.predict(columns))


def _number(value: float | list[float]) -> float:
    return float(value[0] if isinstance(value, list) else value)


def _matrix(table: PreparedTable, part: str) -> Any:
    import xgboost

    columns = table.columns(part)
    return xgboost.DMatrix(
        narrow_matrix(columns, table.layout),
        label=columns[table.layout.label],
        weight=columns.get(table.layout.weight or ""),
        feature_types=xgboost_types(table.layout),
        enable_categorical=True,
    )


def _objective(layout: Layout) -> dict[str, Any]:
    if layout.task == "regression":
        return {"objective": "reg:squarederror", "eval_metric": "rmse"}
    if layout.binary:
        return {"objective": "binary:logistic", "eval_metric": "auc", "scale_pos_weight": 1.0}
    return {
        "objective": "multi:softprob",
        "eval_metric": "mlogloss",
        "num_class": layout.outputs,
    }


def _log_native(booster: Any) -> None:
    import mlflow.xgboost
    import xgboost

    pins = [f"xgboost=={xgboost.__version__}"]
    log_model(mlflow.xgboost, "native", booster, pip_requirements=pins)
