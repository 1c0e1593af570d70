import json

import pandas as pd
import pytest

from throughline.report.writing import write_report


@pytest.fixture(scope="module")
def folder(spark, prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports") / "a report"
    write_report(spark, prepared.output, prepared.recipe, prepared.plan, folder)
    return folder


def test_the_report_is_a_page_its_pictures_and_the_drift(folder):
    names = {"prep.html", "drift.json", "features.png", "inputs.png", "missing.png"}
    assert {path.name for path in folder.iterdir()} == names


def test_the_page_counts_the_rows_of_the_table(folder, prepared):
    html = (folder / "prep.html").read_text(encoding="utf-8")
    for part, count in prepared.rows.items():
        assert f'<td class="number">{count:,}</td>' in html, part
    for feature in prepared.layout.features:
        assert f'<td class="name">{feature.name}</td>' in html


def test_the_drift_is_a_table_of_raw_columns_and_features(folder, prepared):
    table = json.loads((folder / "drift.json").read_text())
    frame = pd.DataFrame(**table)
    assert list(frame) == ["name", "kind", "validation", "test"]
    features = frame[frame["kind"] == "feature"]
    assert list(features["name"]) == [f.name for f in prepared.layout.features]
    raw = frame[frame["kind"] == "raw"].set_index("name")
    assert "late" in raw.index
    assert raw["test"]["id"] > 1  # the split is by time, and so are the keys
    assert raw["test"]["flag"] < 0.3
