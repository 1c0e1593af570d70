"""The served model: a raw row in, a prediction out; the feature plan and an estimator inside."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from throughline.contract.contract import Contract
from throughline.features.plan import Input, Plan
from throughline.models.estimator import Estimator, Scores, load_estimator
from throughline.models.explanation import Explaining, top_contributions

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_POLARS: dict[str, pl.DataType] = {
    "double": pl.Float64(),
    "long": pl.Int64(),
    "string": pl.String(),
    "timestamp": pl.Datetime("us", "UTC"),
    "boolean": pl.Boolean(),
}


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
            ``threshold``, one with more classes a ``probability_<class>`` for each.
        """
        return self.answer(self.score(rows))

    def score(self, rows: "pd.DataFrame") -> Scores:
        """The estimator's scores of raw rows, of shape (n, outputs)."""
        return self.score_frame(raw_frame(rows, self.plan.inputs))

    def score_batch(self, rows: "pa.RecordBatch") -> Scores:
        """The estimator's scores of raw rows in Arrow's form, whose kinds are the inputs'."""
        there = set(rows.schema.names)
        columns = {
            column.name: pl.Series(rows.column(column.name)).cast(_POLARS[column.type])
            if column.name in there
            else pl.Series([None] * rows.num_rows, dtype=_POLARS[column.type])
            for column in self.plan.inputs
        }
        return self.score_frame(pl.DataFrame(columns))

    def score_frame(self, rows: pl.DataFrame) -> Scores:
        """The estimator's scores of raw rows that are typed as the plan's inputs."""
        if rows.height == 0:
            return np.empty((0, self.plan.layout.outputs))
        return self.estimator.predict(self.plan.arrays_of(rows))

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
        if layout.binary:
            first = scores[:, 0]
            chosen = (first >= (0.5 if self.threshold is None else self.threshold)).astype(int)
            threshold = np.full(len(first), self.threshold)
            return {"prediction": names[chosen], "probability": first, "threshold": threshold}
        each = {f"probability_{name}": scores[:, i] for i, name in enumerate(layout.classes)}
        return {"prediction": names[scores.argmax(axis=1)], **each}

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


def raw_frame(rows: "pd.DataFrame", inputs: "tuple[Input, ...]") -> pl.DataFrame:
    """Raw rows as a Polars frame of the plan's inputs; not-a-number and infinity are missing."""
    return pl.DataFrame([_series(rows, column) for column in inputs])


def typed_frame(columns: Mapping[str, Sequence[Any]], inputs: "tuple[Input, ...]") -> pl.DataFrame:
    """The same of plain values, finite or None; numbers of a whole column may be floats."""
    return pl.DataFrame([_plain_series(columns[column.name], column) for column in inputs])


def _plain_series(values: Sequence[Any], column: Input) -> pl.Series:
    if column.type == "long" and not all(type(value) is int for value in values):
        numbers = pl.Series(column.name, values, dtype=pl.Float64())
        return numbers.cast(pl.Int64(), strict=False)
    return pl.Series(column.name, values, dtype=_POLARS[column.type])


def _series(rows: "pd.DataFrame", column: Input) -> pl.Series:
    dtype = _POLARS[column.type]
    if column.name not in rows.columns:
        return pl.Series(column.name, [None] * len(rows), dtype=dtype)
    values = rows[column.name]
    if column.type in ("double", "long"):
        numbers = _numbers(column.name, values)
        return numbers if numbers.dtype == dtype else numbers.cast(dtype, strict=False)
    if column.type == "timestamp":
        return pl.Series(column.name, _moments(values), dtype=dtype)
    return pl.Series(column.name, _plain(values, str if column.type == "string" else bool), dtype)


def _numbers(name: str, values: "pd.Series[Any]") -> pl.Series:
    if values.dtype.kind in "iu":
        return pl.Series(name, values.to_numpy())  # exact beyond 2**53 too
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = np.isfinite(numbers)
    held = numbers if finite.all() else np.where(finite, numbers, np.nan)
    return pl.Series(name, held, nan_to_null=True)


def _moments(values: "pd.Series[Any]") -> npt.NDArray[np.datetime64]:
    import pandas as pd

    naive = (
        values
        if values.dtype.kind == "M" and not hasattr(values.dtype, "tz")
        else (pd.to_datetime(values, utc=True).dt.tz_localize(None))
    )
    return naive.to_numpy(dtype="datetime64[us]")


def _plain(values: "pd.Series[Any]", cast: type) -> list[Any]:
    found = values.tolist()
    if all(value is None or type(value) is cast for value in found):
        return found
    known = values.notna().to_numpy()
    return [cast(v) if ok else None for v, ok in zip(found, known, strict=True)]
