from throughline.features.tally import count_values

ODD = '时间 d\'é "x"'


def test_most_frequent_first_and_ties_in_order(both):
    rows = both.training({ODD: ["b", "c", "a", "c", None, None, None]})
    assert count_values(rows, {ODD: 10}) == {ODD: [("c", 2), ("a", 1), ("b", 1)]}


def test_each_column_has_its_own_limit_and_its_own_values(both):
    rows = both.training({"c": ["a", "a", "b", "d"], "d": ["a", "b", "b", "c"]})
    assert count_values(rows, {"c": 1, "d": 2}) == {"c": [("a", 2)], "d": [("b", 2), ("a", 1)]}


def test_whole_numbers_and_booleans_are_text_and_decimals_are_numbers(both):
    rows = both.training(
        {"n": [2**53 + 1, 2**53 + 1, 2**53], "x": [1e10, 1e10, 0.1], "b": [True, True, False]}
    )
    assert count_values(rows, {"n": 5, "x": 5, "b": 5}) == {
        "n": [("9007199254740993", 2), ("9007199254740992", 1)],
        "x": [(1e10, 2), (0.1, 1)],
        "b": [("true", 2), ("false", 1)],
    }


def test_minus_zero_is_zero(both):
    assert count_values(both.training({"x": [0.0, -0.0]}), {"x": 5}) == {"x": [(0.0, 2)]}


def test_text_is_counted_as_it_is_written(both):
    values = ["a", "A", "a ", "é", "e\u0301", ""]
    found = count_values(both.training({"c": values}), {"c": 10})
    assert sorted(found["c"]) == sorted((value, 1) for value in values)


def test_nothing_to_count(both):
    rows = both.training({"c": [None, None]}, {"c": "string"})
    assert count_values(rows, {"c": 5}) == {"c": []}
    assert count_values(rows.limit(0), {"c": 5}) == {"c": []}
    assert count_values(rows, {}) == {}


def test_all_columns_are_counted_in_one_pass(both, spark):
    rows = both.training({"c": ["a"], "d": ["b"], "e": ["c"]})
    spark.sparkContext.setJobGroup("tally", "counting")
    try:
        count_values(rows, {"c": 5})
        one = len(spark.sparkContext.statusTracker().getJobIdsForGroup("tally"))
        count_values(rows, {"c": 5, "d": 5, "e": 5})
        three = len(spark.sparkContext.statusTracker().getJobIdsForGroup("tally")) - one
    finally:
        spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)
    assert three == one > 0
