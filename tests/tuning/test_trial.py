import pytest

from throughline.tuning.threads import threads_limited
from throughline.tuning.trial import Objective


@pytest.fixture
def objective(prepared):
    fixed = {"family": "xgboost", "n_estimators": 3, "min_child_weight": 1}
    return Objective(prepared.output.uri, fixed, "roc_auc", threads=1)


def test_a_trial_tells_its_figures_and_when_it_ran(objective):
    told = objective({"max_depth": 2})
    assert told["status"] == "FINISHED"
    assert told["value"] == told["metrics"]["validation_roc_auc"]
    assert told["parameters"] == {**objective.fixed, "max_depth": 2}
    assert 0 < told["metrics"]["training_seconds"] <= told["ended"] - told["started"]


def test_a_failure_is_told_and_not_raised(objective):
    told = objective({"max_depth": "deep"})
    assert told["status"] == "FAILED"
    assert told["error"]


def test_the_loss_is_small_where_the_metric_is_good():
    assert Objective("", {}, "roc_auc").loss(0.9) == -0.9
    assert Objective("", {}, "rmse").loss(0.9) == 0.9


def test_threads_are_given_to_the_family_unless_the_recipe_gives_them(objective, monkeypatch):
    from throughline.models.xgboost import XGBoost

    seen = []
    train = XGBoost.train

    def watched(self, table, parameters):
        seen.append(parameters.get("nthread"))
        return train(self, table, parameters)

    monkeypatch.setattr(XGBoost, "train", watched)
    objective({"max_depth": 2})
    objective({"max_depth": 2, "nthread": 2})
    assert seen == [1, 2]


def test_the_pools_of_libraries_are_held_to_the_threads():
    import torch
    from threadpoolctl import threadpool_info

    before = torch.get_num_threads()
    with threads_limited(1):
        assert torch.get_num_threads() == 1
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert torch.get_num_threads() == before
    with threads_limited(None):
        assert torch.get_num_threads() == before


def test_a_process_reads_the_table_once_for_all_its_trials(objective, monkeypatch):
    from throughline.prepared import PreparedTable
    from throughline.tuning import trial

    trial._table.cache_clear()
    read = []
    columns = PreparedTable.columns

    def watched(self, part):
        read.append(part)
        return columns(self, part)

    monkeypatch.setattr(PreparedTable, "columns", watched)
    for depth in (2, 3):
        assert objective({"max_depth": depth})["status"] == "FINISHED"
    assert [part for part in read if part != "test"] == ["train", "validation"]
