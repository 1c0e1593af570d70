from throughline.features.layout import Layout
from throughline.report.label_shares import MOST, label_table
from throughline.splitting.splitting import SPLIT


def test_classes_are_counted_the_most_frequent_first(spark):
    rows = [("train", 1), ("train", 1), ("train", 0), ("test", 0)]
    table = spark.createDataFrame(rows, f"{SPLIT} string, `a.b` int")
    layout = Layout(features=(), label="a.b", task="classification", classes=("no", "yes"))
    assert label_table(table, layout) == [
        ("yes", ["2 (66.7%)", "0 (0.0%)", "0 (0.0%)"]),
        ("no", ["1 (33.3%)", "0 (0.0%)", "1 (100.0%)"]),
    ]


def test_rare_classes_are_added_up(spark):
    classes = tuple(f"c{i}" for i in range(MOST + 5))
    rows = [("train", i) for i in range(len(classes))]
    table = spark.createDataFrame(rows, f"{SPLIT} string, y int")
    layout = Layout(features=(), label="y", task="classification", classes=classes)
    found = label_table(table, layout)
    assert len(found) == MOST + 1
    assert found[-1] == ("5 more", ["5 (20.0%)", "0 (0.0%)", "0 (0.0%)"])


def test_a_number_has_figures(spark):
    rows = [("train", 1.0), ("train", 3.0), ("test", 2.0)]
    table = spark.createDataFrame(rows, f"{SPLIT} string, y double")
    layout = Layout(features=(), label="y", task="regression")
    assert label_table(table, layout) == [
        ("mean", ["2", "", "2"]),
        ("deviation", ["1.41421", "", ""]),
        ("least", ["1", "", "2"]),
        ("greatest", ["3", "", "2"]),
    ]
