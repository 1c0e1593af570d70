"""The served model: a raw row in, a prediction out; the feature plan and an estimator inside."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from throughline.contract.contract import Contract
from throughline.features.plan import Input, Plan
from throughline.models.estimator import Estimator, Scores, load_estimator

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
        features = self.plan.transform(nw.from_native(rows)).to_native()
        return self.estimator.predict({c.name: c.to_numpy() for c in features.iter_columns()})

    def answer(self, scores: Scores) -> "pd.DataFrame":
        """The scores as the table that :meth:`predict` gives."""
        import pandas as pd

        layout = self.plan.layout
        if layout.classes is None:
            return pd.DataFrame({"prediction": scores[:, 0]})
        names = _names_as_answered(layout.classes)
        if layout.binary:
            chosen = (scores[:, 0] >= (0.5 if self.threshold is None else self.threshold)).astype(
                int
            )
            columns = {"probability": scores[:, 0], "threshold": self.threshold}
            return pd.DataFrame({"prediction": names[chosen], **columns})
        each = {f"probability_{name}": scores[:, i] for i, name in enumerate(layout.classes)}
        return pd.DataFrame({"prediction": names[scores.argmax(axis=1)], **each})

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


def _series(rows: "pd.DataFrame", column: Input) -> pl.Series:
    dtype = _POLARS[column.type]
    if column.name not in rows.columns:
        return pl.Series(column.name, [None] * len(rows), dtype=dtype)
    values = rows[column.name]
    if column.type in ("double", "long"):
        return _numbers(column.name, values).cast(dtype, strict=False)
    if column.type == "timestamp":
        return _moments(column.name, values)
    known = values.notna().to_numpy()
    cast = str if column.type == "string" else bool
    plain = [cast(v) if ok else None for v, ok in zip(values, known, strict=True)]
    return pl.Series(column.name, plain, dtype=dtype)


def _numbers(name: str, values: "pd.Series[Any]") -> pl.Series:
    if values.dtype.kind in "iu":
        return pl.Series(name, values.to_numpy())  # exact beyond 2**53 too
    numbers = pl.Series(name, values.to_numpy(dtype=np.float64, na_value=np.nan))
    return numbers.set(~numbers.is_finite(), None)


def _moments(name: str, values: "pd.Series[Any]") -> pl.Series:
    import pandas as pd

    utc = pd.to_datetime(values, utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return pl.Series(name, utc).dt.replace_time_zone("UTC")
