import datetime as dt

import pytest

from throughline.errors import UserError
from throughline.recipe.split import Split
from throughline.splitting.splitting import FOLD, PARTS, SPLIT, add_folds, add_split, sampled

HOURS = [dt.datetime(2013, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=hour) for hour in range(100)]
BY_TIME = Split(by="t", test_from=HOURS[80], validation=0.25)
AT_RANDOM = Split(random={"test": 0.2, "validation": 0.3}, seed=7)
KEYS = [(n, str(n % 7)) for n in range(2000)]


def parts(table, by="id"):
    return {row[by]: row[SPLIT] for row in table.collect()}


def keyed(both, keys=KEYS):
    return both.training({"id": [n for n, _ in keys], "odd.key": [k for _, k in keys]})


def test_by_time_the_last_rows_are_tests_and_those_before_validate(both):
    found = parts(add_split(both.training({"id": list(range(100)), "t": HOURS}), BY_TIME, ["id"]))
    border = min(n for n, part in found.items() if part == "validation")
    assert border == 60
    wanted = ["train"] * border + ["validation"] * (80 - border) + ["test"] * 20
    assert [found[n] for n in range(100)] == wanted


def test_rows_of_one_moment_stay_together(both):
    times = [HOURS[n // 10] for n in range(100)]
    split = Split(by="t", test_from=HOURS[8], validation=0.33)
    found = parts(add_split(both.training({"id": list(range(100)), "t": times}), split, ["id"]))
    for start in range(0, 100, 10):
        assert len({found[n] for n in range(start, start + 10)}) == 1


def test_a_row_without_a_time_is_in_no_part(both):
    table = both.training({"id": [0, 1, 2], "t": [HOURS[0], None, HOURS[99]]})
    assert parts(add_split(table, BY_TIME, ["id"]))[1] is None


def test_a_day_begins_in_utc(both):
    table = both.training({"id": list(range(100)), "t": HOURS})
    found = parts(add_split(table, Split(by="t", test_from=dt.datetime(2013, 1, 3)), ["id"]))
    assert [n for n, part in found.items() if part == "test"] == list(range(48, 100))


def test_at_random_the_shares_are_near(both):
    found = list(parts(add_split(keyed(both), AT_RANDOM, ["id", "odd.key"])).values())
    assert found.count("test") == pytest.approx(400, abs=60)
    assert found.count("validation") == pytest.approx(600, abs=60)


def test_at_random_a_row_falls_by_its_key_whatever_stands_around_it(both):
    first = parts(add_split(keyed(both), AT_RANDOM, ["id", "odd.key"]))
    half = keyed(both, KEYS[::-2]).repartition(3)
    again = parts(add_split(half, AT_RANDOM, ["id", "odd.key"]))
    assert again == {n: first[n] for n in again}
    other = AT_RANDOM.model_copy(update={"seed": 8})
    assert parts(add_split(keyed(both), other, ["id", "odd.key"])) != first


def test_a_sample_is_the_same_every_time_and_grows_with_its_share(both):
    def taken(share):
        return {row.id for row in sampled(keyed(both), share, ["id", "odd.key"]).collect()}

    assert len(taken(0.1)) == pytest.approx(200, abs=50)
    assert taken(0.1) == taken(0.1)
    assert taken(0.1) < taken(0.5) < taken(1.0)
    assert len(taken(1.0)) == 2000


def test_a_sample_does_not_empty_a_part(both):
    table = sampled(keyed(both), 0.1, ["id", "odd.key"])
    for seed in (0, 7):
        split = AT_RANDOM.model_copy(update={"seed": seed})
        found = parts(add_split(table, split, ["id", "odd.key"])).values()
        assert set(found) == {"train", "validation", "test"}


def test_refuses_a_column_that_is_not_there_or_holds_no_times(both):
    table = both.training({"time": HOURS[:1], "text": ["2013-01-01"]})
    misspelt = BY_TIME.model_copy(update={"by": "tme"})
    with pytest.raises(UserError, match="reads the column 'tme'.*did you mean 'time'"):
        add_split(table, misspelt, ["text"])
    by_text = BY_TIME.model_copy(update={"by": "text"})
    with pytest.raises(UserError, match="'text', which holds text, not times; store it"):
        add_split(table, by_text, ["text"])


BY_GROUP = Split(group={"by": ["who", "odd.group"], "test": 0.2, "validation": 0.2}, seed=3)
STRATIFIED = Split(stratified={"test": 0.2, "validation": 0.1}, seed=3)
ALL_WAYS = {
    "random": AT_RANDOM,
    "group": BY_GROUP,
    "stratified": STRATIFIED,
    "time": Split(by="t", test=0.2, validation=0.1),
}


@pytest.fixture(scope="module")
def rows(both):
    """Rows of 211 groups (some without a name), three classes (one is rare) and odd names."""
    count = 2000
    ids = list(range(count))
    columns = {
        "odd `key": [n * 37 % count for n in ids],
        "who": [None if n % 211 == 5 else f"c{n % 211}" for n in ids],
        "odd.group": [n % 2 for n in ids],
        "class": ["rare" if n % 40 == 0 else "b" if n % 3 else "a" for n in ids],
        "t": [HOURS[0] + dt.timedelta(minutes=n * n % 7919) for n in ids],
    }
    table = both.training(columns).cache()
    yield table
    table.unpersist()


KEY = ["odd `key"]


def split_rows(table, split):
    return add_split(table, split, KEY, "class").collect()


@pytest.mark.parametrize("way", ALL_WAYS)
def test_the_same_row_falls_the_same_however_the_rows_are_spread(rows, way):
    first = {row[KEY[0]]: row[SPLIT] for row in split_rows(rows, ALL_WAYS[way])}
    spread = rows.repartition(5, "class", "t")
    assert {row[KEY[0]]: row[SPLIT] for row in split_rows(spread, ALL_WAYS[way])} == first
    assert set(first.values()) == set(PARTS)
    folds = add_folds(rows, ALL_WAYS[way], "class", KEY).collect()
    again = add_folds(spread, ALL_WAYS[way], "class", KEY).collect()
    assert {r[KEY[0]]: r[FOLD] for r in folds} == {r[KEY[0]]: r[FOLD] for r in again}
    assert {row[FOLD] for row in folds} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("way", ALL_WAYS)
def test_nothing_but_one_column_is_added(rows, way):
    assert add_split(rows, ALL_WAYS[way], KEY, "class").columns == [*rows.columns, SPLIT]
    folded = add_folds(rows, ALL_WAYS[way], "class", KEY)
    assert folded.columns == [*rows.columns, FOLD]
    assert dict(folded.dtypes)[FOLD] == "int"


def test_no_group_is_in_two_parts_or_two_folds(rows):
    for made, column in (
        (add_split(rows, BY_GROUP, KEY), SPLIT),
        (add_folds(rows, BY_GROUP, None, KEY), FOLD),
    ):
        found = {}
        for row in made.collect():
            found.setdefault((row["who"], row["odd.group"]), set()).add(row[column])
        assert (None, 0) in found and len(found) > 300
        assert all(len(parts) == 1 for parts in found.values())


def test_the_shares_of_groups_are_near(rows):
    found = {(row["who"], row["odd.group"]): row[SPLIT] for row in split_rows(rows, BY_GROUP)}
    assert list(found.values()).count("test") == pytest.approx(0.2 * len(found), rel=0.3)


def test_the_shares_hold_in_every_stratum(rows):
    for split, by in (
        (STRATIFIED, ["class"]),
        (
            Split(stratified={"test": 0.2, "validation": 0.1, "by": ["class", "odd.group"]}),
            ["class", "odd.group"],
        ),
    ):
        found = {}
        for row in split_rows(rows, split):
            found.setdefault(tuple(row[name] for name in by), []).append(row[SPLIT])
        assert ("rare",) in found or ("rare", 0) in found
        for parts in found.values():
            assert parts.count("test") == pytest.approx(0.2 * len(parts), abs=1.5)
            assert parts.count("validation") == pytest.approx(0.1 * len(parts), abs=1.5)


def test_the_folds_of_every_stratum_are_of_one_size(rows):
    found = {}
    for row in add_folds(rows, STRATIFIED, "class", KEY).collect():
        found.setdefault(row["class"], []).append(row[FOLD])
    for folds in found.values():
        for fold in range(5):
            assert folds.count(fold) == pytest.approx(len(folds) / 5, abs=2.5)


def test_a_stratum_too_small_to_be_cut_is_for_training(both):
    classes = ["a"] * 50 + ["few"] * 9 + ["one"] + [None] * 20
    table = both.training({"id": list(range(80)), "class": classes})
    found = {}
    for row in add_split(table, STRATIFIED, ["id"], "class").collect():
        found.setdefault(row["class"], []).append(row[SPLIT])
    assert set(found["few"]) == set(found["one"]) == {"train"}
    assert sorted(found[None]) == ["test"] * 4 + ["train"] * 14 + ["validation"] * 2


def test_small_strata_do_not_all_fall_into_one_fold(both):
    table = both.training({"id": list(range(100)), "class": [str(n) for n in range(100)]})
    folds = [row[FOLD] for row in add_folds(table, STRATIFIED, "class", ["id"]).collect()]
    assert all(10 <= folds.count(fold) <= 30 for fold in range(5))


def test_refuses_more_strata_than_memory_may_hold(both, monkeypatch):
    monkeypatch.setattr("throughline.splitting.strata.MOST", 99)
    table = both.training({"id": list(range(100))})
    by_id = Split(stratified={"test": 0.2, "validation": 0.1, "by": ["id"]})
    with pytest.raises(UserError, match="strata by id are more than 99; name columns with fewer"):
        add_split(table, by_id, ["id"])


@pytest.mark.parametrize(
    "split", [BY_TIME, ALL_WAYS["time"], Split(by="t", test=0.5), Split(by="t", test=0.01)]
)
def test_the_parts_and_the_folds_follow_each_other_in_time(rows, split):
    found = {}
    for row in split_rows(rows, split):
        found.setdefault(row[SPLIT], []).append(row["t"])
    assert max(found["train"]) < min(found["validation"])
    assert max(found["validation"]) < min(found["test"])
    if split.test:
        assert len(found["test"]) == pytest.approx(split.test * 2000, abs=3)
        assert len(found["validation"]) == pytest.approx(split.validation_share * 2000, abs=3)
    folds = {}
    for row in add_folds(rows, split, None, KEY).collect():
        folds.setdefault(row[FOLD], []).append(row["t"])
    assert all(max(folds[n]) < min(folds[n + 1]) for n in range(4))
    assert all(len(times) == pytest.approx(400, abs=3) for times in folds.values())


def test_the_folds_need_not_be_five(rows):
    for split in ALL_WAYS.values():
        found = {row[FOLD] for row in add_folds(rows, split, "class", KEY, folds=3).collect()}
        assert found == {0, 1, 2}


def test_how_many_rows_have_no_time_is_logged(both, caplog):
    table = both.training({"id": [0, 1, 2], "t": [HOURS[0], None, HOURS[99]]})
    for split in (BY_TIME, Split(by="t", test=0.4)):
        caplog.clear()
        add_split(table, split, ["id"])
        assert "1 rows miss t and are left out of the split" in caplog.text


@pytest.mark.parametrize("split", [BY_GROUP, STRATIFIED, Split(by="tt", test=0.1)])
def test_refuses_a_split_whose_columns_are_not_there(both, split):
    table = both.training({"id": [1]})
    with pytest.raises(UserError, match=r"The split reads the column '(who|y|tt)', which is not"):
        add_split(table, split, ["id"], "y")
