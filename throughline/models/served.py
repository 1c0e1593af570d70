"""The served model: a raw row in, a prediction out; the feature plan and an estimator inside."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from throughline.contract.contract import Contract
from throughline.features.plan import Plan
from throughline.models.estimator import Estimator, Scores, load_estimator
from throughline.models.explanation import Explaining, top_contributions
from throughline.models.raw_frame import POLARS, raw_frame

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass
class ServedModel:
    """A feature plan and the estimator that was trained on what the plan makes.

    Attributes:
        plan: The feature plan.
        estimator: The estimator.
        threshold: A binary classification says yes from this probability on; else None.
        contract: What the training rows were like; whoever answers requests holds them to it.
    """

    plan: Plan
    estimator: Estimator
    threshold: float | None = None
    contract: Contract | None = None

    def predict(self, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Predicts raw rows.

        Args:
            rows: n raw rows; a column that is not there counts as missing.

        Returns:
            n rows with ``prediction``; a binary classification adds ``probability`` and
            ``threshold``, one with more classes a ``probability_<class>`` for each. A row without
            a score (see :meth:`score_frame`) has no prediction: both are missing.
        """
        return self.answer(self.score(rows))

    def score(self, rows: "pd.DataFrame") -> Scores:
        """The estimator's scores of raw rows, of shape (n, outputs)."""
        return self.score_frame(raw_frame(rows, self.plan.inputs))

    def score_batch(self, rows: "pa.RecordBatch") -> Scores:
        """The estimator's scores of raw rows in Arrow's form, whose kinds are the inputs'."""
        there = set(rows.schema.names)
        columns = {
            column.name: pl.Series(rows.column(column.name)).cast(POLARS[column.type], strict=False)
            if column.name in there
            else pl.Series([None] * rows.num_rows, dtype=POLARS[column.type])
            for column in self.plan.inputs
        }
        return self.score_frame(pl.DataFrame(columns))

    def score_frame(self, rows: pl.DataFrame) -> Scores:
        """The estimator's scores of raw rows that are typed as the plan's inputs.

        A row that misses what the estimator cannot do without has NaN as its scores.
        """
        if rows.height == 0:
            return np.empty((0, self.plan.layout.outputs))
        features = self.plan.arrays_of(rows)
        scores = self.estimator.predict(features)
        if not self.estimator.takes_missing:
            scores[np.logical_or.reduce([np.isnan(each) for each in features.values()])] = np.nan
        return scores

    def missed_in(self, rows: pl.DataFrame) -> str | None:
        """The first column that a row misses where the estimator cannot do without.

        Returns:
            A raw column; the feature itself where it is made of values that are there, as by a
            division by zero; None if every row can be scored.
        """
        if self.estimator.takes_missing or rows.height == 0:
            return None
        for name, values in self.plan.arrays_of(rows).items():
            if (missing := np.isnan(values)).any():
                row = rows.row(int(missing.argmax()), named=True)
                origin = self.plan.origins.get(name)
                columns = origin.columns if origin else (name,)
                return next((c for c in columns if row.get(c, name) is None), name)
        return None

    def explain_frame(self, rows: pl.DataFrame, scores: Scores) -> list[dict[str, float]] | None:
        """The raw columns that add the most to each row's score; None if that cannot be told."""
        if not isinstance(self.estimator, Explaining):
            return None
        if rows.height == 0:
            return []
        added = self.estimator.contributions(self.plan.arrays_of(rows))
        return None if added is None else top_contributions(added, scores, self.plan)

    def answer(self, scores: Scores) -> "pd.DataFrame":
        """The scores as the table that :meth:`predict` gives."""
        import pandas as pd

        return pd.DataFrame(self.answers(scores))

    def answers(self, scores: Scores) -> dict[str, npt.NDArray[Any]]:
        """The columns of :meth:`answer`, each of shape (n,)."""
        layout = self.plan.layout
        if layout.classes is None:
            return {"prediction": scores[:, 0]}
        names = _names_as_answered(layout.classes)
        unscored = np.isnan(scores).any(axis=1)
        if layout.binary:
            first = scores[:, 0]
            chosen = (first >= (0.5 if self.threshold is None else self.threshold)).astype(int)
            threshold = np.full(len(first), self.threshold)
            prediction = _none_where(unscored, names[chosen])
            return {"prediction": prediction, "probability": first, "threshold": threshold}
        each = {f"probability_{name}": scores[:, i] for i, name in enumerate(layout.classes)}
        return {"prediction": _none_where(unscored, names[scores.argmax(axis=1)]), **each}

    def save(self, folder: Path) -> None:
        """Writes plan, contract, estimator and threshold into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plan.json").write_text(self.plan.to_json(), encoding="utf-8")
        (folder / "served.json").write_text(json.dumps({"threshold": self.threshold}) + "\n")
        if self.contract:
            (folder / "contract.json").write_text(self.contract.to_json(), encoding="utf-8")
        self.estimator.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "ServedModel":
        """Reads what :meth:`save` wrote.

        Raises:
            UserError: If plan and estimator do not belong together.
        """
        plan = Plan.from_json((folder / "plan.json").read_text(encoding="utf-8"))
        settings = json.loads((folder / "served.json").read_text(encoding="utf-8"))
        estimator = load_estimator(folder, plan.layout)
        return cls(plan, estimator, settings["threshold"], contract_in(folder))


def contract_in(folder: Path) -> Contract | None:
    """The contract that was saved with a served model, if there is one."""
    path = folder / "contract.json"
    return Contract.from_json(path.read_text(encoding="utf-8")) if path.exists() else None


def _names_as_answered(classes: tuple[str, ...]) -> npt.NDArray[Any]:
    """The classes as whole numbers where all of them are, else as text."""
    if all(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", name) for name in classes):
        return np.array([int(name) for name in classes])
    return np.array(classes, dtype=object)


def _none_where(unscored: npt.NDArray[np.bool_], names: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if not unscored.any():
        return names
    held = names.astype(object)
    held[unscored] = None
    return held
