import datetime as dt

import pytest

from throughline.errors import UserError
from throughline.recipe import RandomSplit, Split
from throughline.splitting import SPLIT, add_split, sampled

HOURS = [dt.datetime(2013, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=hour) for hour in range(100)]
BY_TIME = Split(by="t", test_from=HOURS[80], validation=0.25)
AT_RANDOM = Split(random=RandomSplit(test=0.2, validation=0.3), seed=7)
KEYS = [(n, str(n % 7)) for n in range(2000)]


def parts(table, by="id"):
    return {row[by]: row[SPLIT] for row in table.collect()}


def keyed(both, keys=KEYS):
    return both.training({"id": [n for n, _ in keys], "odd.key": [k for _, k in keys]})


def test_by_time_the_last_rows_are_tests_and_those_before_validate(both):
    found = parts(add_split(both.training({"id": list(range(100)), "t": HOURS}), BY_TIME, ["id"]))
    border = min(n for n, part in found.items() if part == "validation")
    assert border == pytest.approx(60, abs=1)
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
