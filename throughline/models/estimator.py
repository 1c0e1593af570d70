"""The estimator inside a served model: prepared columns in, scores out; no Spark, no PyTorch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from throughline.errors import UserError
from throughline.features.assembly import (
    feature_places,
    narrow_matrix,
    split_matrices,
    wide_matrix,
    wide_names,
)
from throughline.features.layout import Layout

Columns = Mapping[str, npt.ArrayLike]
Scores = npt.NDArray[np.float64]

DESCRIPTION = "estimator.json"
CONTRIBUTIONS = "contributions"
"""The output of a graph that tells what each column adds, of shape (n, outputs, width)."""


class Estimator(Protocol):
    """Scores rows of a prepared table."""

    kind: ClassVar[str]
    requirements: ClassVar[tuple[str, ...]]

    @property
    def takes_missing(self) -> bool:
        """Whether the score of a row with a missing value means anything."""
        ...

    def predict(self, columns: Columns) -> Scores:
        """Scores of shape (n, outputs): probabilities of the classes, or values.

        A binary classification has one column, the probability of the second class.
        """
        ...

    def save(self, folder: Path) -> None:
        """Writes the estimator's file and :data:`DESCRIPTION` into ``folder``."""
        ...


class XGBoostEstimator:
    """XGBoost's booster over the narrow matrix; categories are categories to it."""

    kind: ClassVar[str] = "xgboost"
    requirements: ClassVar[tuple[str, ...]] = ("xgboost",)
    takes_missing = True

    def __init__(self, booster: Any, layout: Layout) -> None:
        self.booster = booster
        self.layout = layout

    def predict(self, columns: Columns) -> Scores:
        """Scores by the trees up to the best iteration."""
        matrix = narrow_matrix(columns, self.layout)
        scores = self.booster.inplace_predict(matrix, iteration_range=(0, rounds_of(self.booster)))
        return np.asarray(scores, dtype=np.float64).reshape(len(matrix), self.layout.outputs)

    def contributions(self, columns: Columns) -> Scores:
        """What each feature adds to the margin (Tree SHAP), of shape (n, outputs, features).

        Source: Lundberg and others, "From local explanations to global understanding with
        explainable AI for trees", Nature Machine Intelligence 2, 2020.
        """
        import xgboost

        matrix = narrow_matrix(columns, self.layout)
        types = xgboost_types(self.layout)
        added = self.booster.predict(
            xgboost.DMatrix(matrix, feature_types=types, enable_categorical=True),
            pred_contribs=True,
            iteration_range=(0, rounds_of(self.booster)),
        )
        width = len(self.layout.features)
        shape = (len(matrix), self.layout.outputs, width + 1)  # the last one is the base
        return np.asarray(added, dtype=np.float64).reshape(shape)[:, :, :width]

    def save(self, folder: Path) -> None:
        """Writes XGBoost's own JSON."""
        self.booster.save_model(folder / "booster.json")
        _describe(folder, {"kind": self.kind, **_sees(self.layout)})

    @classmethod
    def load(cls, folder: Path, layout: Layout, description: dict[str, Any]) -> "XGBoostEstimator":
        """Reads what :meth:`save` wrote; predicts on one thread, as a server's worker should."""
        import xgboost

        booster = xgboost.Booster({"nthread": 1})
        booster.load_model(folder / "booster.json")
        _check(booster.num_features(), len(layout.features))
        return cls(booster, layout)


def xgboost_types(layout: Layout) -> list[str]:
    """XGBoost's feature types: ``c`` for categories, ``q`` for numbers."""
    return ["c" if feature.kind == "category" else "q" for feature in layout.features]


def rounds_of(booster: Any) -> int:
    """How many rounds of a booster count: up to the best one, if boosting was stopped early."""
    best = booster.attr("best_iteration")
    return int(best) + 1 if best is not None else int(booster.num_boosted_rounds())


class OnnxEstimator:
    """An ONNX graph, run by ONNX Runtime on one thread.

    Its inputs are ``features`` (the wide matrix), or ``numeric`` and ``categories``; its output
    ``scores`` is of shape (n, outputs).

    Args:
        model: The graph.
        layout: The layout of the prepared table.
        takes_missing: Whether its family takes missing values: the graph of some trees would send
            one somewhere.
    """

    kind: ClassVar[str] = "onnx"
    requirements: ClassVar[tuple[str, ...]] = ("onnxruntime",)

    def __init__(self, model: bytes, layout: Layout, *, takes_missing: bool = True) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.model = model
        self.layout = layout
        self.takes_missing = takes_missing
        self.session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self.inputs = [tensor.name for tensor in self.session.get_inputs()]

    def predict(self, columns: Columns) -> Scores:
        """Scores by the graph."""
        if self.inputs == ["features"]:
            feed: dict[str, Any] = {"features": wide_matrix(columns, self.layout)}
        else:
            numeric, categories = split_matrices(columns, self.layout)
            feed = {"numeric": numeric, "categories": categories}
        (scores,) = self.session.run(["scores"], {name: feed[name] for name in self.inputs})
        return np.asarray(scores, dtype=np.float64).reshape(-1, self.layout.outputs)

    def contributions(self, columns: Columns) -> Scores | None:
        """What each feature adds to the margin, where the graph tells: a linear one does.

        Returns:
            An array of shape (n, outputs, features), or None.
        """
        if CONTRIBUTIONS not in [tensor.name for tensor in self.session.get_outputs()]:
            return None
        feed = {"features": wide_matrix(columns, self.layout)}
        (added,) = self.session.run([CONTRIBUTIONS], feed)
        places = feature_places(self.layout)
        return np.stack([added[:, :, place].sum(axis=2) for place in places], axis=2)

    def save(self, folder: Path) -> None:
        """Writes the graph."""
        (folder / "model.onnx").write_bytes(self.model)
        takes = {"takes_missing": self.takes_missing}
        _describe(folder, {"kind": self.kind, **takes, **_sees(self.layout)})

    @classmethod
    def load(cls, folder: Path, layout: Layout, description: dict[str, Any]) -> "OnnxEstimator":
        """Reads what :meth:`save` wrote; an older model does not tell what it takes."""
        takes_missing = description.get("takes_missing", True)
        loaded = cls((folder / "model.onnx").read_bytes(), layout, takes_missing=takes_missing)
        if loaded.inputs == ["features"]:
            _check(loaded.session.get_inputs()[0].shape[1], len(wide_names(layout)))
        return loaded


def load_estimator(folder: Path, layout: Layout) -> "Estimator":
    """Loads a saved estimator.

    Raises:
        UserError: If it was trained on other features than the plan makes, or for another answer.
    """
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    for what, wanted in _sees(layout).items():
        _check(description[what], wanted, what)
    kinds: dict[str, Any] = {"xgboost": XGBoostEstimator, "onnx": OnnxEstimator}
    loaded: Estimator = kinds[description["kind"]].load(folder, layout, description)
    return loaded


def _sees(layout: Layout) -> dict[str, Any]:
    """What an estimator has to have in common with the plan."""
    return {
        "features": [feature.name for feature in layout.features],
        "cardinalities": [feature.cardinality for feature in layout.features],
        "views": [feature.view for feature in layout.features],
        "outputs": layout.outputs,
    }


def _check(found: Any, wanted: Any, what: str = "columns") -> None:
    if found != wanted:
        raise UserError(f"The model's plan and estimator have different {what}; train it again.")


def _describe(folder: Path, description: dict[str, Any]) -> None:
    text = json.dumps(description, indent=1) + "\n"
    (folder / DESCRIPTION).write_text(text, encoding="utf-8")
