import re

import pytest

from throughline.evaluation.comparison import Compared, write_comparison
from throughline.evaluation.curves import curves_of


@pytest.fixture(scope="module")
def candidates(table, evaluation):
    """The candidate, and one that is worse by validation rows and better by test rows."""
    curves = {
        name: curves_of(part.part.labels, part.scores, table.layout)
        for name, part in evaluation.parts.items()
    }
    figures = {**evaluation.figures(), "training_seconds": 12.34}
    other = {**figures, "validation_roc_auc": 0.51, "test_roc_auc": 1.0, "validation_brier": 0.9}
    return [Compared("<worse>", other, curves), Compared("better", figures, curves)]


@pytest.fixture(scope="module")
def page(candidates, tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    write_comparison(candidates, "roc_auc", folder)
    assert {path.name for path in folder.iterdir()} == {
        "comparison.html", "intervals.png", "validation.png", "test.png",
    }  # fmt: skip
    return (folder / "comparison.html").read_text(encoding="utf-8")


def test_the_best_on_validation_rows_stands_first(page):
    assert "By roc_auc on the validation rows, better is best." in page
    assert page.index("better</th>") < page.index("&lt;worse&gt;</th>")


def test_the_best_of_each_row_is_pointed_out(page):
    lines = re.findall(r"<tr>.*roc_auc</td>.*</tr>", page)
    marked = [[" best" in cell for cell in re.findall("<td[^>]*>", line)] for line in lines]
    assert marked == [[False, True, False], [False, False, True]]
    assert "1.0000 (" in lines[1]


def test_training_seconds_and_pictures_are_there(page):
    assert page.count(">12.3</td>") == 4
    assert page.count('src="data:image/png;base64,') == 3


def test_less_is_better_for_errors(candidates, tmp_path):
    assert write_comparison(candidates, "brier", tmp_path).title == "better"
    assert "By brier on the validation rows, better is best." in (
        tmp_path / "comparison.html"
    ).read_text(encoding="utf-8")


def test_metrics_without_intervals_are_shown(candidates, tmp_path):
    ends = ("_low", "_high")
    few = [
        Compared(
            one.title, {k: v for k, v in one.metrics.items() if not k.endswith(ends)}, one.curves
        )
        for one in candidates
    ]
    write_comparison(few, "roc_auc", tmp_path)
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert page.count("roc_auc</td>") == 2
