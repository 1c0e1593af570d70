"""Whether the registry is already what register would make it."""

from types import SimpleNamespace

import mlflow
import pytest

from tests.registry.conftest import NAME
from throughline.caching.cache import Found
from throughline.caching.reconciling import registered
from throughline.registry.champions import make_champion
from throughline.registry.roles import CHALLENGER, give_role
from throughline.tracking import MODEL, STEP

SAME = Found(None, "its key was asked for")


@pytest.fixture
def candidate(store):
    """A finished run that is a candidate, the better the higher its figure."""

    def made(figure: float) -> mlflow.entities.Run:
        with mlflow.start_run(experiment_id="0", tags={MODEL: f"models:/{figure}"}) as run:
            mlflow.log_metric("validation_roc_auc", figure)
        return store.get_run(run.info.run_id)

    return made


@pytest.fixture
def version(store, tmp_path):
    """Registers a candidate; returns the number of its version."""

    def made(run: mlflow.entities.Run) -> str:
        of = store.create_model_version(NAME, (tmp_path / "model").as_uri(), run.info.run_id)
        return str(of.version)

    return made


def look(*candidates: mlflow.entities.Run) -> Found:
    recipe = SimpleNamespace(name=NAME, metric="roc_auc")
    return registered(list(candidates), recipe, lambda: SAME)


def test_register_is_taken_from_before_only_while_the_best_stands_there(store, candidate, version):
    first, best = candidate(0.7), candidate(0.8)
    assert look(first, best).why == "nothing is registered"
    store.create_registered_model(NAME)
    make_champion(NAME, version(first))
    assert look(first, best).why == "the best candidate is another one"
    assert look(first).why == "it was registered elsewhere"
    tags = {STEP: "register", "model": NAME, "version": "1"}
    with mlflow.start_run(experiment_id="0", tags=tags) as run:
        pass
    assert look(first).run.info.run_id == run.info.run_id
    give_role(NAME, version(best), CHALLENGER)
    assert look(first, best) is SAME
    assert look(first, best, candidate(0.9)).why == "the best candidate is another one"
