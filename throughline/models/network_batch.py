"""A batch of a prepared table as tensors, and how it is made from an Arrow table."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from throughline.errors import UserError
from throughline.features.layout import Feature, Layout


class Batch(NamedTuple):
    """Some rows of a prepared table.

    Matrices have each column's values side by side in memory, as the table has them: so they are
    filled, mixed and put together several times as fast.

    Attributes:
        numeric: float32 [n, k].
        categories: int64 [n, c].
        label: int64 [n] for classification, float64 [n] for regression.
        weight: float32 [n, 1], or [n, 0] where the rows have no weights.
    """

    numeric: Tensor
    categories: Tensor
    label: Tensor
    weight: Tensor

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.label)

    @property
    def total_weight(self) -> Tensor:
        """The sum of the weights, a scalar; the number of rows where they have none."""
        return self.weight.sum() if self.weight.shape[1] else torch.tensor(float(self.rows))

    def slice(self, start: int, stop: int) -> "Batch":
        """The rows from ``start`` up to ``stop``, without a copy."""
        return Batch(*(tensor[start:stop] for tensor in self))

    def take(self, index: Tensor) -> "Batch":
        """The rows at ``index``, int64 [m]."""
        taken = (_columns_first(tensor).index_select(-1, index) for tensor in self)
        return Batch(*map(_columns_first, taken))

    def to(self, device: torch.device) -> "Batch":
        """The same rows on another device."""
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in self))

    def row_by_row(self) -> "Batch":
        """The same with the numbers of each row side by side, as a network multiplies them."""
        return self._replace(numeric=self.numeric.contiguous())


def concatenate(batches: list[Batch]) -> Batch:
    """Puts batches one below the other."""
    return Batch(*(_below(tensors) for tensors in zip(*batches, strict=True)))


def _below(tensors: tuple[Tensor, ...]) -> Tensor:
    joined = torch.cat([_columns_first(tensor) for tensor in tensors], dim=-1)
    return _columns_first(joined)


def _columns_first(tensor: Tensor) -> Tensor:
    """[n, k] as [k, n] and back, without a copy; a vector as it is."""
    return tensor.t() if tensor.dim() == 2 else tensor


def columns(layout: Layout) -> list[str]:
    """The columns that a network reads: the features, the label and the weight if there is one."""
    return [*(feature.name for feature in layout.features), layout.label, *_weights(layout)]


def _weights(layout: Layout) -> list[str]:
    return [layout.weight] if layout.weight else []


def from_arrow(table: pa.Table, layout: Layout) -> Batch:
    """Makes a batch of a table's rows, column by column.

    Raises:
        UserError: A column is missing or has an empty or infinite value, a code is not below its
            category's cardinality, or the label is not one of the classes.
    """
    return Batch(
        numeric=torch.from_numpy(_numeric(table, layout.numeric)),
        categories=torch.from_numpy(_categories(table, layout.categories)),
        label=torch.from_numpy(_label(table, layout)),
        weight=torch.from_numpy(_weight(table, layout)),
    )


def _numeric(table: pa.Table, features: list[Feature]) -> np.ndarray:
    matrix = np.empty((len(features), table.num_rows), dtype=np.float32)
    for position, feature in enumerate(features):
        matrix[position] = _values(table, feature.name)
    if not np.isfinite(matrix).all():
        finite = np.isfinite(matrix).all(axis=1)
        names = ", ".join(f.name for f, good in zip(features, finite, strict=True) if not good)
        raise UserError(
            f"A network cannot read empty or infinite values, and these columns have some: {names};"
            " impute them in the recipe."
        )
    return matrix.T


def _categories(table: pa.Table, features: list[Feature]) -> np.ndarray:
    matrix = np.empty((len(features), table.num_rows), dtype=np.int64)
    for position, feature in enumerate(features):
        matrix[position] = _codes(table, feature.name, feature.cardinality or 0)
    return matrix.T


def _label(table: pa.Table, layout: Layout) -> np.ndarray:
    if layout.task == "classification":
        return _codes(table, layout.label, len(layout.classes or ())).astype(np.int64)
    label = _values(table, layout.label).astype(np.float64)
    if not np.isfinite(label).all():
        raise UserError(f"The label {layout.label} has infinite values; drop those rows in prep.")
    return label


def _weight(table: pa.Table, layout: Layout) -> np.ndarray:
    weights = np.empty((len(_weights(layout)), table.num_rows), dtype=np.float32)
    for position, name in enumerate(_weights(layout)):
        weights[position] = _values(table, name)
    return weights.T


def _codes(table: pa.Table, name: str, cardinality: int) -> np.ndarray:
    codes = _values(table, name)
    if len(codes) and (codes.min() < 0 or codes.max() >= cardinality):
        raise UserError(
            f"Column {name} has codes from {codes.min()} to {codes.max()}, outside 0 to "
            f"{cardinality - 1}; the table and its layout do not belong together, run prep again."
        )
    return codes


def _values(table: pa.Table, name: str) -> np.ndarray:
    if name not in table.column_names:
        raise UserError(f"The prepared table has no column {name}; run prep again.")
    column = table.column(name)
    if column.null_count:
        raise UserError(
            f"Column {name} has {column.null_count} empty values and a network cannot read them; "
            "impute it in the recipe."
        )
    return column.to_numpy()
