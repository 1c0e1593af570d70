import pytest

from throughline.features.layout import Feature, Layout
from throughline.features.plan import Input, Plan
from throughline.report.notes import notes

SAME = [0.0, 1.0] * 20


@pytest.fixture
def plan():
    names = ("steady", "shifted", "moment", "sparse")
    layout = Layout(features=(Feature(name="f", kind="numeric"),), label="y", task="regression")
    return Plan(inputs=tuple(Input(name=n, type="double") for n in names), ops=(), layout=layout)


def test_nothing_stands_out_where_all_is_well(plan, column):
    assert notes(plan, [column("steady", SAME, SAME)], [column("f", SAME, SAME)]) == []


def test_what_stands_out_is_named(plan, column):
    raw = [
        column("steady", SAME, SAME),
        column("shifted", SAME, [1.0] * 40),
        column("not read", SAME, [1.0] * 40),
        column("moment", SAME, [9.0] * 40, "timestamp"),
        column("sparse", [1.0, None, None, None], [1.0, None, None, None]),
    ]
    features = [column("f", [1.0] * 4, [1.0] * 4), column("g", [1.0, 2.0], [None, 1.0])]
    drift, drift_before, sparse, left, constant = notes(plan, raw, features)
    assert "1 features: g (" in drift
    assert "1 raw columns: shifted (" in drift_before
    assert sparse.endswith(": sparse (75%).")
    assert left.endswith(": g.")
    assert constant.endswith(": f.")


def test_a_long_list_is_cut(plan, column):
    features = [column(f"f{i}", SAME, [1.0] * 40) for i in range(12)]
    (sentence,) = notes(plan, [], features)
    assert "12 features" in sentence
    assert sentence.endswith("and 4 more.")
