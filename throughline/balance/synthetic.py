"""Synthetic rows of one class, in memory: SMOTE, with SMOTE-NC's rule for categories.

Chawla, Bowyer, Hall and Kegelmeyer, "SMOTE: Synthetic Minority Over-sampling Technique", Journal of
Artificial Intelligence Research 16, 2002; section 6.1 has the rule for categories. Spark's workers
run this file; it imports nothing of this project.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_AT_ONCE = 512
"""The rows whose distances to all others are in memory at a time."""


def nearest_rows(
    numbers: Numbers, codes: Codes, of: Codes, neighbors: int, penalty: float
) -> Codes:
    """The nearest other rows of some rows.

    Args:
        numbers: The number columns of all n rows, (n, k).
        codes: Their category columns, (n, c).
        of: The rows, m positions.
        neighbors: How many neighbours, less than n.
        penalty: The distance that a differing category adds, squared and summed as a number's is.

    Returns:
        Positions, (m, neighbors).
    """
    from scipy.spatial.distance import cdist

    found = np.empty((len(of), neighbors), dtype=np.int64)
    for start in range(0, len(of), _AT_ONCE):
        some = of[start : start + _AT_ONCE]
        squared = np.zeros((len(some), len(codes)))
        if numbers.shape[1]:
            squared += cdist(numbers[some], numbers, "sqeuclidean")
        for column in codes.T:
            squared += penalty**2 * (column[some, np.newaxis] != column)
        squared[np.arange(len(some)), some] = np.inf
        found[start : start + len(some)] = np.argpartition(squared, neighbors - 1)[:, :neighbors]
    return found


def synthetic_rows(
    numbers: Numbers,
    codes: Codes,
    count: int,
    neighbors: int,
    penalty: float,
    random: np.random.Generator,
) -> tuple[Numbers, Codes]:
    """Makes ``count`` rows; every row is used as often as another, give or take one.

    A number lies at a random place between the row's and one of its neighbours'; a category is the
    most frequent one among the neighbours (of equals, the one with the lowest code).

    Args:
        numbers: The number columns of n rows, (n, k).
        codes: Their category columns, (n, c).
        count: How many to make.
        neighbors: How many neighbours to look at; fewer where there are not so many rows.
        penalty: See :func:`nearest_rows`.
        random: Draws.

    Returns:
        Numbers (count, k) and codes (count, c).
    """
    rows = len(codes)
    neighbors = min(neighbors, rows - 1)
    used = random.permutation(rows)[: min(count, rows)]
    place = np.arange(count) % len(used)
    base = used[place]
    if not neighbors:
        return numbers[base], codes[base]
    near = nearest_rows(numbers, codes, used, neighbors, penalty)
    other = near[place, random.integers(0, neighbors, count)]
    between = numbers[base] + random.random((count, 1)) * (numbers[other] - numbers[base])
    return between, _most_frequent(codes[near])[place]


def _most_frequent(codes: npt.NDArray[Any]) -> Codes:
    """The most frequent codes along axis 1 of (m, neighbors, c)."""
    from scipy.stats import mode

    found: Codes = mode(codes, axis=1).mode
    return found
