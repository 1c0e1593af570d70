"""Integer codes of categories: the position of a value among those that an encoding knows."""

from collections.abc import Sequence

import narwhals as nw

from throughline.features.op import Counts


def values_of(counts: Counts) -> list[str] | list[float]:
    """The values alone, in the order of their counts."""
    values = [value for value, _ in counts]
    numbers = [value for value in values if isinstance(value, float)]
    return numbers or [str(value) for value in values]


def comparable(column: str, values: Sequence[str | float | None]) -> nw.Expr:
    """A column as what its counted values are: decimal numbers, or text."""
    if values and isinstance(values[0], float):
        return nw.col(column).cast(nw.Float64) + 0.0  # minus zero is zero
    return nw.col(column).cast(nw.String)


def code(column: str, values: Sequence[str | float]) -> nw.Expr:
    """The position of a column's value among ``values``; their number for any other value."""
    if not values:
        return nw.lit(0, dtype=nw.Int32)
    return comparable(column, values).replace_strict(
        values, list(range(len(values))), default=len(values), return_dtype=nw.Int32
    )
