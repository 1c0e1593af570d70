import pytest

from throughline.errors import UserError
from throughline.tuning.search import search


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A client of a tracking store of its own, which is the active one."""
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db")
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(before)


@pytest.fixture
def in_run(store, monkeypatch):
    """Calls a function with a run that is active meanwhile; its answer or mistake, and the run."""
    import mlflow

    for name in ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)

    def call(function):
        with mlflow.start_run() as run:
            try:
                found = function(run)
            except UserError as error:
                found = error
        return found, run

    return call


@pytest.fixture
def children_of(store):
    """The child runs of a run, the first one first."""

    def children(run):
        query = f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
        found = store.search_runs([run.info.experiment_id], query)
        return sorted(found, key=lambda child: int(child.info.run_name.split()[-1]))

    return children


@pytest.fixture
def searched(in_run, children_of, prepared):
    """Searches inside a run; gives what was found (or the error) and the child runs."""

    def run(asked):
        found, parent = in_run(lambda run: search(prepared, asked, run))
        return found, children_of(parent)

    return run
