"""Columns to report on, without Spark."""

from collections.abc import Callable

import polars as pl
import pytest

from throughline.report.comparison import Comparison, compare
from throughline.report.profile import Profile

ODD_NAMES = (
    "<script>alert('x')</script>",
    "costs $100 and $x^{2$",
    'quoted "name" & more',
    "时间 временно ساعة",
    "line\nbreak\tand tab",
    "a very long name that goes on and on " * 5,
)


@pytest.fixture(scope="session")
def column() -> Callable[..., Comparison]:
    """Makes a column of training and test values; those missing are counted."""

    def make(name, train, test, type_="double"):
        dtype = pl.Float64 if type_ in ("double", "long", "timestamp") else pl.String
        parts = {"train": train, "validation": test, "test": test}
        series = {part: pl.Series(name, values, dtype=dtype) for part, values in parts.items()}
        (found,) = compare(
            Profile(
                types={name: type_},
                rows={part: len(values) for part, values in series.items()},
                missing={name: {part: v.null_count() for part, v in series.items()}},
                sample={part: values.to_frame() for part, values in series.items()},
            )
        )
        return found

    return make


@pytest.fixture(scope="session")
def odd_columns(column) -> list[Comparison]:
    """Columns of every type with names that are hard to draw and to write."""
    numbers = [float(i) for i in range(50)]
    types = ("double", "long", "string", "timestamp", "boolean", "string")
    values = (numbers, numbers[:3], [*ODD_NAMES, "$"], [1e9 + n for n in numbers], ["true"], [])
    return [
        column(name, v, [*v, None], type_)
        for name, v, type_ in zip(ODD_NAMES, values, types, strict=True)
    ]
