import numpy as np
import pytest


def test_figures_of_both_parts_with_the_ends_of_their_intervals(evaluation, table):
    figures = evaluation.figures()
    for part in ("validation", "test"):
        for metric in ("roc_auc", "pr_auc", "log_loss", "f1", "cost"):
            name = f"{part}_{metric}"
            assert figures[f"{name}_low"] <= figures[name] <= figures[f"{name}_high"]
        assert 0 <= figures[f"{part}_ece"] <= 1
    assert figures["threshold"] == evaluation.threshold
    assert all(np.isfinite(list(figures.values())))
    assert len(figures) < 100


def test_the_scores_are_those_of_the_prepared_rows(evaluation, table, trained):
    columns = table.columns("test")
    found = np.sort(trained.estimator.predict(columns)[:, 0])
    assert np.sort(evaluation.parts["test"].scores[:, 0]) == pytest.approx(found, abs=1e-6)


def test_the_threshold_costs_least_on_the_validation_rows(evaluation, table):
    part = evaluation.parts["validation"]
    labels, scores = part.part.labels, part.scores[:, 0]

    def cost(threshold):
        said = scores >= threshold
        return np.mean(np.where(labels == 1, 5 * ~said, 1 * said))

    assert part.measured.metrics["cost"] == pytest.approx(cost(evaluation.threshold))
    assert cost(evaluation.threshold) == pytest.approx(min(map(cost, [*scores, 2.0])))


def test_slices_and_losses_are_of_what_the_recipe_and_the_layout_name(evaluation, table):
    assert {one.column for one in evaluation.parts["test"].slices} == {"odd name", "flag"}
    assert set(evaluation.losses) == {feature.name for feature in table.layout.features}
    assert next(iter(evaluation.losses)) == "x"  # what the label follows from
