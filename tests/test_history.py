import datetime as dt
import random
import statistics

import pytest

from throughline.history import add_history, add_moments
from throughline.recipe.history import Count, History, Moment, Rolling

MIDNIGHT = dt.datetime(2013, 6, 1, tzinfo=dt.UTC)
FUNCTIONS = ("mean", "count", "min", "max", "std")


def at(minutes):
    return None if minutes is None else MIDNIGHT + dt.timedelta(minutes=minutes)


def rolling(**changes):
    fields = {
        "of": "v", "by": ("k",), "time": "known", "at": "at", "within": "3h", "lag": "1h",
        "functions": FUNCTIONS,
    }  # fmt: skip
    return Rolling(**{**fields, **changes})


def naive(rows, feature):
    """The definition, row by row: (mean, count, min, max, std) of each row."""
    return [_figures(row, rows, feature) for row in rows]


def _figures(row, rows, feature):
    if row["at"] is None:
        return (None, 0.0, None, None, None)
    end = row["at"] - dt.timedelta(seconds=feature.lag)
    start = end - dt.timedelta(seconds=feature.within)
    seen = [
        other[feature.of]
        for other in rows
        if None not in (other[feature.of], other["at"], other["known"])
        and all(row[key] is not None and row[key] == other[key] for key in feature.by)
        and start <= max(other["known"], other["at"]) < end
    ]
    if not seen:
        return (None, 0.0, None, None, None)
    deviation = statistics.stdev(seen) if len(seen) > 1 else None
    return (statistics.fmean(seen), float(len(seen)), min(seen), max(seen), deviation)


def computed(both, rows, *features, v="double"):
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    types = {"at": "timestamp", "known": "timestamp", "v": v}
    table = both.training({"id": list(range(len(rows))), **columns}, types)
    history = [History(rolling=feature) for feature in features]
    found = sorted(add_history(table, history).collect(), key=lambda row: row["id"])
    assert [row["id"] for row in found] == list(range(len(rows)))
    return [
        [tuple(row[feature.output(f)] for f in feature.functions) for row in found]
        for feature in features
    ]


def assert_equal(found, expected):
    assert len(found) == len(expected)
    for i, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert one == pytest.approx(other, abs=1e-9), i


@pytest.mark.parametrize(("kind", "number"), [("double", float), ("bigint", int)])
def test_random_rows_against_the_definition(both, kind, number):
    draw = random.Random(7)  # noqa: S311
    rows = [
        {
            "k": draw.choice(["a", "b", None]),
            "odd key": draw.choice([1, 2]),
            "at": at(draw.choice([None, *range(0, 4500, 15)])),
            "known": None,
            "v": draw.choice([None, *map(number, range(9))]),
            "w": draw.choice([None, None, *map(float, range(9))]),
        }
        for _ in range(800)
    ]
    for row in rows:  # on a grid of a quarter, so that cut-offs and borders are often hit exactly
        late = draw.choice([-30, 0, 15, 45, 60, 300])
        if row["at"] is not None and draw.random() > 0.1:
            row["known"] = row["at"] + dt.timedelta(minutes=late)
    features = [
        rolling(),
        rolling(within="1h"),  # these three share one pass over the rows
        rolling(of="w", within="2h"),
        rolling(by=("k", "odd key"), within="1h", lag="0s"),
    ]
    computed_features = computed(both, rows, *features, v=kind)
    for feature, found in zip(features, computed_features, strict=True):
        expected = naive(rows, feature)
        assert sum(count for _, count, *_ in expected) > 100
        assert_equal(found, expected)


@pytest.mark.parametrize(("kind", "huge"), [("double", 1e300), ("bigint", 2**63 - 1)])
def test_a_huge_value_leaves_no_trace_once_it_is_too_old(both, kind, huge):
    number = float if kind == "double" else int
    rows = [
        {"k": "a", "at": at(minutes), "known": at(minutes), "v": number(value)}
        for minutes, value in ((0, huge), (60, huge), (480, 3), (720, -4))
    ]
    rows.append({"k": "a", "at": at(240 * 3 + 90), "known": at(5000), "v": None})
    rows.append({"k": "a", "at": at(180), "known": at(5000), "v": None})
    (found,) = computed(both, rows, rolling(functions=("mean", "count")), v=kind)
    assert found[5] == (float(huge), 2.0)
    assert found[4] == (-4.0, 1.0)
    assert found[3] == (3.0, 1.0)


@pytest.mark.parametrize(
    ("known", "seen"),
    [(-60 * 24, False), (-241, False), (-240, True), (-61, True), (-60, False), (-59, False)],
)
def test_the_window_begins_with_its_first_second_and_ends_before_the_cut_off(both, known, seen):
    rows = [
        {"k": "a", "at": at(0), "known": at(0), "v": None},
        {"k": "a", "at": at(-60 * 48), "known": at(known), "v": 5.0},
    ]
    ((own, _),) = computed(both, rows, rolling(functions=("count",)))
    assert own == (float(seen),)


def test_a_row_that_is_known_before_its_own_moment_tells_at_that_moment(both):
    rows = [
        {"k": "a", "at": at(0), "known": at(0), "v": None},
        {"k": "a", "at": at(-60), "known": at(-70), "v": 5.0},
        {"k": "a", "at": at(-61), "known": at(-70), "v": 7.0},
    ]
    ((own, *_),) = computed(both, rows, rolling(functions=("count", "mean")))
    assert own == (1.0, 7.0)


def test_the_table_keeps_its_columns_and_gets_the_names_of_the_recipe(both):
    table = both.training({"k": ["a"], "at": [at(0)], "known": [at(5)], "v": [1.0]})
    found = add_history(table, [History(rolling=rolling(functions=("mean", "count")))])
    assert found.columns == ["k", "at", "known", "v", "v_mean_3h_by_k", "v_count_3h_by_k"]


def test_counts_rows_that_share_the_columns_missing_ones_too(both):
    table = both.training({"k": ["a", "a", "b", None, None], "m": [1, 1, 1, 1, 2]})
    history = [History(count=Count(by=("k",))), History(count=Count(by=("k", "m")))]
    rows = add_history(table, history).collect()
    assert sorted((str(r.k), r.m, r.count_by_k, r.count_by_k_m) for r in rows) == [
        ("None", 1, 2.0, 1.0),
        ("None", 2, 2.0, 1.0),
        ("a", 1, 2.0, 2.0),
        ("a", 1, 2.0, 2.0),
        ("b", 1, 1.0, 1.0),
    ]


def test_moments(both):
    table = both.training({"t": [at(0), at(0), None], "m": [90, None, 1], "x": [0.5, 0.5, 0.5]})
    moments = {
        "fixed": Moment(start="t", plus_minutes=-30),
        "later": Moment(start="t", plus_minutes="m + x"),
    }
    found = add_moments(table, moments)
    wanted = "cast(fixed as long) as fixed", "cast(later as long) as later"
    start = int(MIDNIGHT.timestamp())
    assert [tuple(row) for row in found.selectExpr(*wanted).collect()] == [
        (start - 1800, start + 5430),
        (start - 1800, None),
        (None, None),
    ]


def test_other_columns_pass_through_as_they_were(both):
    columns = {
        "k": ["a", "a"], "at": [at(0), at(120)], "known": [at(0), at(120)], "v": [5, 7],
        "时 间'": ["x", None], "AT": [1, 2],
    }  # fmt: skip
    rows = both.training(columns)
    feature = rolling(functions=("mean",))
    found = add_history(rows, [History(rolling=feature)])
    assert found.columns == [*columns, feature.output("mean")]
    assert found.drop(feature.output("mean")).schema == rows.schema
    in_order = sorted(found.collect(), key=lambda row: row["AT"])
    assert [tuple(row)[:-1] for row in in_order] == [tuple(row) for row in rows.collect()]
    assert [row[-1] for row in in_order] == [None, 5.0]


def test_what_the_rows_tell_need_not_be_among_their_columns(both):
    told = both.training({"k": ["a", "a"], "at": [at(0), at(120)], "v": [5, 7]})
    feature = rolling(time="at", functions=("count",))
    found = add_history(told.drop("v"), [History(rolling=feature)], told)
    assert found.columns == ["k", "at", feature.output("count")]
    assert sorted(row[-1] for row in found.collect()) == [0.0, 1.0]
