import math
import random

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.centres import Centres
from throughline.features.impute_by_cluster import FittedImputeByCluster, ImputeByCluster

TWO = Centres(using=("u",), means=(10.0,), deviations=(2.0,), points=((-1.0,), (1.0,)))
FITTED = FittedImputeByCluster(centres=TWO, means={"x": [3.0, 7.0]}, whole={"x": 5.0}, flag=True)
DRAW = random.Random(3)  # noqa: S311
GROUPS = [(0.0, 0.0, 10.0), (0.0, 100.0, 20.0), (50.0, 0.0, 30.0)]


def rows_of_three_groups(count):
    """Three groups far apart, a value that follows from the group, a third of it missing."""
    columns = {"a b": [], "时.`间": [], "x": []}
    for i in range(count):
        one, other, value = GROUPS[i % 3]
        columns["a b"].append(one + DRAW.gauss(0, 1))
        columns["时.`间"].append(other + DRAW.gauss(0, 1))
        columns["x"].append(None if i % 9 < 3 else value + DRAW.gauss(0, 1))
    return columns


def test_the_nearest_centres_mean_stands_in(both):
    found = both.apply(FITTED, {"u": [9.0, 11.0, 100.0, 8.0], "x": [None, None, None, 1.0]})
    assert found["x"] == [3.0, 7.0, 7.0, 1.0]
    assert found["x_missing"] == [1.0, 1.0, 1.0, 0.0]
    assert found["u"] == [9.0, 11.0, 100.0, 8.0]


def test_a_tie_goes_to_the_first_centre_and_a_gap_to_the_whole_mean(both):
    odd = [10.0, None, math.nan, math.inf, -math.inf]
    found = both.apply(FITTED, {"u": odd, "x": [None] * 5})
    assert found["x"] == [3.0, 5.0, 5.0, 5.0, 5.0]


def test_whole_numbers_and_no_rows(both):
    found = both.apply(FITTED, {"u": [9, 12], "x": [None, 4]}, x="long")
    assert found["x"] == [3.0, 4.0]
    empty = nw.from_native(pl.DataFrame({"u": [], "x": []}, schema={"u": pl.Int64, "x": pl.Int64}))
    assert FITTED.apply(empty).to_native()["x"].to_list() == []


def test_both_engines_agree_on_the_nearest_of_many(both):
    points = [[DRAW.gauss(0, 1) for _ in range(3)] for _ in range(40)]
    points += points[:10]  # ties
    names = ("p", "q", "r")
    centres = Centres(using=names, means=(0.1, 0.2, 0.3), deviations=(1.1, 3.0, 0.7), points=points)
    fitted = FittedImputeByCluster(
        centres=centres, means={"x": [float(k) for k in range(50)]}, whole={"x": -1.0}
    )
    rows = {name: [DRAW.gauss(0, 2) for _ in range(200)] for name in names}
    found = both.apply(fitted, {**rows, "x": [None] * 200})["x"]
    z = (np.array(list(rows.values())).T - centres.means) / centres.deviations
    squared = ((z[:, None, :] - np.array(points)) ** 2).sum(axis=2)
    assert found == squared.argmin(axis=1).tolist()
    assert max(found) < 40


def test_clusters_beat_the_mean(both):
    columns = rows_of_three_groups(180)
    op = ImputeByCluster(columns=("x",), using=("a b", "时.`间"), clusters=3)
    fitted = both.fit(op, columns)
    fitted = FittedImputeByCluster.model_validate_json(fitted.model_dump_json())
    assert sorted(fitted.means["x"]) == pytest.approx([10, 20, 30], abs=1)
    found = both.apply(fitted, columns)["x"]
    truth = [GROUPS[i % 3][2] for i in range(180)]
    masked = [i for i, value in enumerate(columns["x"]) if value is None]
    error = math.sqrt(sum((found[i] - truth[i]) ** 2 for i in masked) / len(masked))
    assert error < 1 < np.std(truth)
    assert "nearest of 3 clusters (" in fitted.describe()["x"]


def test_the_same_seed_finds_the_same_centres(both):
    columns = rows_of_three_groups(60)
    op = ImputeByCluster(columns=("x",), using=("a b",), clusters=5)
    assert both.fit(op, columns) == both.fit(op, columns)


def test_a_cluster_without_a_value_gets_the_whole_mean(both):
    columns = {"u": [0.0, 0.1, 9.0, 9.1, math.nan], "x": [1.0, 3.0, None, None, 8.0]}
    fitted = both.fit(ImputeByCluster(columns=("x",), using=("u",), clusters=2), columns)
    assert fitted.whole == {"x": 4.0}
    assert sorted(fitted.means["x"]) == [2.0, 4.0]


def test_constant_columns_and_more_clusters_than_rows(both):
    columns = {"u": [0.1] * 3, "v": [1.0, 2.0, 2.0], "x": [1.0, 3.0, None]}
    fitted = both.fit(ImputeByCluster(columns=("x",), using=("u", "v"), clusters=64), columns)
    assert fitted.centres.deviations[0] == 1.0
    assert both.apply(fitted, columns)["x"] == [1.0, 3.0, 3.0]


def test_refuses_what_it_cannot_learn(both):
    op = ImputeByCluster(columns=("x",), using=("u", "v"))
    with pytest.raises(UserError, match="no value of u, v .*or no row with all of them"):
        both.fit(op, {"u": [1.0, None], "v": [None, 1.0], "x": [1.0, 2.0]})
    with pytest.raises(UserError, match="found no value of 'x'.*use fill"):
        both.fit(op, {"u": [1.0, 2.0], "v": [2.0, 1.0], "x": [None, math.nan]})
    with pytest.raises(UserError, match="impute_by_cluster cannot read the column 'v'.*kind text"):
        op.check({"x": "number", "u": "number", "v": "text"})
    with pytest.raises(ValidationError, match="'x' cannot be imputed by itself"):
        ImputeByCluster(columns=("x",), using=("u", "x"))


def test_what_it_reads_and_writes():
    op = ImputeByCluster(columns=("x",), using=("u",), flag=True)
    assert op.reads() == ["x", "u"]
    assert op.writes({"x": "number"}) == {"x": "number", "x_missing": "number"}
    assert op.sources_of("x") == ["x", "u"]
    assert op.sources_of("x_missing") == ["x"]
