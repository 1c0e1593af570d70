import polars as pl

from throughline.report.comparison import compare
from throughline.report.profile import Profile


def test_a_column_that_cannot_be_read_has_missing_values_only():
    parts = ("train", "validation", "test")
    profile = Profile(
        types={"list": ""},
        rows={"train": 4, "validation": 0, "test": 2},
        missing={"list": {"train": 1, "validation": 0, "test": 2}},
        sample=dict.fromkeys(parts, pl.DataFrame()),
    )
    (found,) = compare(profile)
    assert found.missing == {"train": 0.25, "validation": 0, "test": 1}
    assert found.drift == {"validation": None, "test": None}
    assert found.histogram is None
    assert found.test_drift == 0


def test_a_column_is_compared_with_its_training_rows(column):
    found = column("x", [0.0, 0.0, None, None], [1.0, 1.0])
    assert found.missing == {"train": 0.5, "validation": 0, "test": 0}
    assert found.test_drift > 1
    assert found.histogram.labels == ("0", "(other)", "(missing)")
