"""Bins of a column, learnt on its training rows: deciles of numbers, frequent values of text."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

DECILES = np.arange(1, 10) / 10
VALUES = 20
"""A column with at most so many values has a bin for each; the rest of a text column is pooled."""


@dataclass(frozen=True)
class Bins:
    """Bins that every value falls into.

    Either ``edges`` of numbers (the upper ends, included; a last bin is open) or ``values`` (one
    bin each, and one for all other values). The last bin of all is for missing values.
    """

    edges: tuple[float, ...] = ()
    values: tuple[float | str, ...] = ()

    @classmethod
    def of(cls, training: pl.Series) -> "Bins":
        """Learns bins; ``training`` is Float64 or text, and null where it is missing."""
        counts = training.alias("value").drop_nulls().value_counts(name="rows")
        if training.dtype == pl.Float64 and len(counts) > VALUES:
            # an observed value at each decile: no interpolation between infinities
            found = np.quantile(training.drop_nulls().to_numpy(), DECILES, method="inverted_cdf")
            return cls(edges=tuple(np.unique(found).tolist()))
        ordered = counts.sort("rows", "value", descending=[True, False])
        return cls(values=tuple(ordered["value"][:VALUES].to_list()))

    def shares(self, column: pl.Series) -> npt.NDArray[np.float64]:
        """The share of the rows in each bin, of shape (bins,); zeros if there are no rows."""
        known = column.drop_nulls()
        if self.edges:
            codes = np.searchsorted(self.edges, known.to_numpy(), side="left")
            bins = len(self.edges) + 1
        else:
            places = list(range(len(self.values)))
            codes = known.replace_strict(
                list(self.values), places, default=len(places), return_dtype=pl.Int64
            ).to_numpy()
            bins = len(places) + 1
        counts = np.append(np.bincount(codes, minlength=bins), column.null_count())
        return counts / max(len(column), 1)
