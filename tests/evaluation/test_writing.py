import json

import pytest

from throughline.evaluation.writing import write_evaluation


@pytest.fixture(scope="module")
def folder(table, trained, evaluation, tmp_path_factory):
    made = tmp_path_factory.mktemp("card")
    write_evaluation(table, trained, "trees", evaluation, made)
    return made


def test_card_pictures_and_tables_are_written(folder):
    files = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    assert files == {
        "model_card.md", "model_card.html", "pictures/validation.png", "pictures/test.png",
        "pictures/importances.png", "pictures/slices.png", "evaluation/curves.json",
        "evaluation/slices.json", "evaluation/calibration.json", "evaluation/permutation.json",
        "evaluation/importances.json",
    }  # fmt: skip
    for path in folder.rglob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_the_slices_are_records_that_pandas_reads(folder, evaluation):
    records = json.loads((folder / "evaluation/slices.json").read_text(encoding="utf-8"))["test"]
    assert {record["column"] for record in records} == {"odd name", "flag"}
    assert sum(r["rows"] for r in records if r["column"] == "flag") == len(
        evaluation.parts["test"].scores
    )


def test_the_card_says_what_a_user_must_know(folder, evaluation):
    text = (folder / "model_card.md").read_text(encoding="utf-8")
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "Data", "Split", "Metrics", "Slices of the test rows", "Importance", "Limits",
        "How to call it", "Model", "Features",
    ]  # fmt: skip
    assert text.startswith("# small: trees\n")
    assert "The label late is delay \\> 30." in text
    assert "Known only afterwards, and so never a feature: delay." in text
    assert "a false positive costs 1 and a false negative 5" in text
    assert "The validation rows are from 2013-01-0" in text
    assert "| odd name | 时间 | few |" in text
    assert "slices are too small for their figures to say much" in text
    assert "curl http://127.0.0.1:5055/invocations" in text
    figure = evaluation.parts["test"].measured.metrics["roc_auc"]
    assert f"On the test rows, roc_auc is {figure:.4f} (" in text
    for file in ("test", "validation", "slices", "importances"):
        assert f"](pictures/{file}.png)" in text


def test_the_page_needs_no_other_file(folder):
    page = (folder / "model_card.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/png;base64,') == 4
    assert "delay &gt; 30" in page and "prefers-color-scheme: dark" in page
    assert "{{" not in page and "{%" not in page
