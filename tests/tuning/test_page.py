import pytest

from throughline.tuning.importance import importances
from throughline.tuning.page import PAGE, write_page
from throughline.tuning.trial import Trial


def trials(count=12):
    """Trials whose value depends on x alone."""
    found = []
    for number in range(count):
        x, y = (number * 7 % count) / count, (number * 5 % count) / count
        parameters = {"family": "xgboost", "x": x, "y": y, "kind": "<b>$"[number % 3]}
        found.append(Trial(number, {}, parameters, "FINISHED", {}, 0.5 + x / 3, "", 0.0, 1.5))
    return found


def test_the_importance_is_the_share_of_what_the_values_depend_on():
    found = importances(trials())
    assert list(found)[0] == "x"
    assert found["x"] > 0.6
    assert sum(found.values()) == pytest.approx(1)
    assert "family" not in found


@pytest.mark.parametrize(
    "few",
    [
        [],
        trials(3),
        [Trial(i, {}, {"x": 1}, "FINISHED", {}, 0.5) for i in range(9)],
        [Trial(i, {}, {"x": i}, "FINISHED", {}, 0.5) for i in range(9)],
        [Trial(i, {}, {"x": i}, "FAILED") for i in range(9)],
    ],
)
def test_there_is_no_importance_where_nothing_differs(few):
    assert importances(few) == {}


def test_the_page_shows_every_trial_the_best_first(tmp_path):
    others = [
        Trial(12, {}, {"family": "xgboost", "x": 0.1}, "FAILED", error="<script>it broke</script>"),
        Trial(13, {}, {"family": "torch", "z": [1, 2]}, "KILLED"),
    ]
    write_page([*trials(), *others], "roc_auc", "the validation rows", tmp_path)
    page = (tmp_path / PAGE).read_text()
    assert "12 of 14 trials finished, measured on the validation rows" in page
    assert "&lt;script&gt;it broke" in page
    assert "ended early" in page
    best = max(trials(), key=lambda trial: trial.value)
    cells = [f"{trial.value:.4f}" for trial in (best, trials()[0])]
    assert 0 < page.index(cells[0], page.index("<table")) < page.rindex(cells[1])
    for name in ("values", "parameters", "importances"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_the_best_is_least_or_greatest_as_the_metric_has_it(tmp_path, metric):
    write_page(trials(), metric, "x", tmp_path)
    best = max if metric == "roc_auc" else min
    number = best(trials(), key=lambda trial: trial.value).number + 1
    assert f"The best, trial {number}, has {metric}" in (tmp_path / PAGE).read_text()


def test_a_page_of_one_trial(tmp_path):
    write_page(trials(1), "roc_auc", "x", tmp_path)
    assert "Not told" in (tmp_path / PAGE).read_text()
    assert not (tmp_path / "importances.png").exists()
