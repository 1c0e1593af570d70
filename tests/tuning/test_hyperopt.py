import pytest

from throughline.errors import UserError
from throughline.recipe.candidates import Search
from throughline.tuning.hyperopt import search

FIXED = {"n_estimators": 5, "min_child_weight": 1, "nthread": 1}


def wanted(**space):
    return Search(family="xgboost", space=space, parameters=FIXED, seed=7)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db")
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(before)


@pytest.fixture
def searched(store, prepared, monkeypatch):
    """Searches inside a run; gives what was found (or the error) and the child runs."""
    import mlflow

    for name in ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)

    def run(asked, max_evals):
        with mlflow.start_run() as parent:
            try:
                found = search(prepared, asked, max_evals)
            except UserError as error:
                found = error
        query = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
        return found, store.search_runs([parent.info.experiment_id], query)

    return run


def test_every_trial_is_a_child_run_and_the_best_one_is_found(searched):
    space = {"max_depth": {"randint": [2, 6]}, "learning_rate": {"loguniform": [0.05, 0.5]}}
    best, trials = searched(wanted(**space), 4)
    assert best.trials == len(trials) == 4
    values = {run.data.metrics["validation_roc_auc"]: run for run in trials}
    assert best.value == max(values)
    chosen = values[best.value].data.params
    assert {name: str(value) for name, value in best.parameters.items()} == chosen
    assert type(best.parameters["max_depth"]) is int
    assert {run.info.status for run in trials} == {"FINISHED"}


def test_the_same_seed_finds_the_same(searched):
    asked = wanted(learning_rate={"uniform": [0.05, 0.5]})
    assert searched(asked, 2)[0].parameters == searched(asked, 2)[0].parameters


def test_a_trial_that_fails_is_marked_and_the_search_goes_on(searched):
    asked = wanted(tree_method={"choice": ["hist", "no such method"]})
    best, trials = searched(asked, 6)
    states = [run.info.status for run in trials]
    assert len(states) == 6
    assert set(states) == {"FINISHED", "FAILED"}
    assert best.trials == states.count("FINISHED")
    assert best.parameters["tree_method"] == "hist"


def test_a_search_whose_every_trial_fails_says_why(searched):
    error, trials = searched(wanted(tree_method={"choice": ["no such method"]}), 2)
    assert "Every trial of the search failed; the first error was: " in str(error)
    assert "no such method" in str(error)
    assert [run.info.status for run in trials] == ["FAILED"] * 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (wanted(max_dept={"randint": [2, 4]}), "no parameter 'max_dept'; did you mean 'max_depth'"),
        (Search(family="network", space={"x": {"choice": [1]}}), "cannot try the family network"),
    ],
)
def test_refuses_a_search_that_cannot_be(searched, asked, message):
    error, trials = searched(asked, 2)
    assert isinstance(error, UserError)
    assert message in str(error)
    assert trials == []
