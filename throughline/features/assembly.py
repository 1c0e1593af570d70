"""Assembly: the prepared columns as the matrix that an estimator reads; widening happens here."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from throughline.features.layout import Feature, Layout

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]

_WIDENED = ("one_hot", "one_hot_known", "embed")


def wide_names(layout: Layout) -> list[str]:
    """The names of the columns of :func:`wide_matrix`; a code's name is ``feature=code``."""
    return [name for feature in layout.features for name in _names(feature)]


def wide_matrix(columns: Mapping[str, npt.ArrayLike], layout: Layout) -> Floats:
    """The features in order as float32, one-hot categories widened to a column per code.

    Args:
        columns: The prepared columns by name, each of n rows.
        layout: The layout of the prepared table.

    Returns:
        An array of shape (n, width); missing numbers are NaN.
    """
    blocks = [_block(feature, np.asarray(columns[feature.name])) for feature in layout.features]
    return np.concatenate(blocks, axis=1) if len(blocks) > 1 else blocks[0]


def summed_by_feature(figures: npt.ArrayLike, layout: Layout) -> dict[str, float]:
    """A figure for each column of :func:`wide_matrix`, summed over the columns of each feature."""
    left = iter(np.asarray(figures, dtype=np.float64).tolist())
    return {f.name: sum(next(left) for _ in _names(f)) for f in layout.features}


def feature_places(layout: Layout) -> list[slice]:
    """For each feature, where its columns stand in :func:`wide_matrix`."""
    ends = np.cumsum([len(_names(feature)) for feature in layout.features]).tolist()
    return [slice(first, last) for first, last in zip([0, *ends], ends, strict=False)]


def narrow_matrix(columns: Mapping[str, npt.ArrayLike], layout: Layout) -> Floats:
    """The features in order as float32 of shape (n, features), categories as their codes."""
    first = np.asarray(columns[layout.features[0].name])
    matrix = np.empty((len(first), len(layout.features)), dtype=np.float32)
    for i, feature in enumerate(layout.features):
        matrix[:, i] = np.asarray(columns[feature.name])
    return matrix


def split_matrices(columns: Mapping[str, npt.ArrayLike], layout: Layout) -> tuple[Floats, Codes]:
    """Numbers as float32 of shape (n, k) and category codes as int64 of shape (n, c)."""
    return (
        _stack(columns, layout.numeric, np.dtype(np.float32)),
        _stack(columns, layout.categories, np.dtype(np.int64)),
    )


def spark_assembler(layout: Layout, output: str = "features") -> Sequence[Any]:
    """Spark ML's stages for the same columns as :func:`wide_matrix`, in the same order."""
    from pyspark.ml.feature import OneHotEncoder, VectorAssembler

    widened = [f for f in layout.features if f.view in _WIDENED and _width(f)]
    without_last = [f for f in widened if _width(f) < (f.cardinality or 0)]
    with_last = [f for f in widened if f not in without_last]
    encoders = [
        OneHotEncoder(
            inputCols=[f.name for f in features],
            outputCols=[_vector_name(f) for f in features],
            dropLast=features is without_last,
            handleInvalid="error",
        )
        for features in (with_last, without_last)
        if features
    ]
    assembled = [f for f in layout.features if f.view not in _WIDENED or f in widened]
    inputs = [_vector_name(f) if f in widened else f.name for f in assembled]
    return [*encoders, VectorAssembler(inputCols=inputs, outputCol=output, handleInvalid="error")]


def with_category_sizes(table: "DataFrame", layout: Layout) -> "DataFrame":
    """Tells Spark ML each widened category's cardinality: a code not seen has its place too."""
    for feature in (f for f in layout.features if f.view in _WIDENED):
        values = [str(code) for code in range(feature.cardinality or 0)]
        nominal = {"ml_attr": {"name": feature.name, "type": "nominal", "vals": values}}
        table = table.withMetadata(feature.name, nominal)
    return table


def _vector_name(feature: Feature) -> str:
    return f"{feature.name}__vector"


def _width(feature: Feature) -> int:
    """How many columns a widened category has."""
    return (feature.cardinality or 0) - (feature.view == "one_hot_known")


def _names(feature: Feature) -> list[str]:
    if feature.view in _WIDENED:
        return [f"{feature.name}={code}" for code in range(_width(feature))]
    return [feature.name]


def _block(feature: Feature, values: npt.NDArray[Any]) -> Floats:
    if feature.view in _WIDENED:
        codes = np.arange(_width(feature))
        return (values[:, np.newaxis] == codes).astype(np.float32)
    return values.astype(np.float32)[:, np.newaxis]


def _stack(
    columns: Mapping[str, npt.ArrayLike], features: list[Feature], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    rows = len(np.asarray(next(iter(columns.values()))))
    matrix = np.empty((rows, len(features)), dtype=dtype)
    for i, feature in enumerate(features):
        matrix[:, i] = np.asarray(columns[feature.name])
    return matrix
