"""Candidates that become versions, with real models on real rows."""

import mlflow
import pytest

from tests.registry.conftest import NAME
from throughline.candidate import log_candidate
from throughline.errors import UserError
from throughline.models.xgboost import XGBoost
from throughline.prepared import PreparedTable
from throughline.registry import promotion
from throughline.registry.champions import make_champion
from throughline.registry.on_test import NotComparableError, on_test
from throughline.registry.promotion import promote
from throughline.registry.roles import champion_of, versions_by_role
from throughline.registry.stages import move
from throughline.tracking import training_time


@pytest.fixture
def experiment(store, tmp_path) -> str:
    return store.create_experiment("test", (tmp_path / "artifacts").as_uri())


@pytest.fixture
def candidate(store, experiment, prepared):
    """Trains a candidate with so many trees; its run."""

    def train(trees: int) -> mlflow.entities.Run:
        with mlflow.start_run(experiment_id=experiment) as run:
            with training_time():
                trained = XGBoost().train(prepared, {"n_estimators": trees, "min_child_weight": 1})
            log_candidate(prepared, trained, f"{trees} trees")
        return store.get_run(run.info.run_id)

    return train


@pytest.fixture
def lax(prepared):
    """The prepared table under a rule that promotes whatever comes."""
    rule = prepared.recipe.promote.model_copy(update={"beat_champion": False})
    recipe = prepared.recipe.model_copy(update={"promote": rule})
    return PreparedTable(prepared.output, instead=recipe)


def champion() -> str:
    found = champion_of(NAME)
    return str(found.version) if found else ""


def test_what_a_person_decided_is_not_undone(candidate, lax, store):
    first, second = candidate(1), candidate(20)
    assert promote(NAME, first, lax).verdict.promoted
    assert promote(NAME, second, lax).verdict.promoted
    move(NAME, "1", "production")
    again = promote(NAME, second, lax).verdict
    assert not again.promoted
    assert "register -P to=production -P version=2 makes it champion again" in again.reason
    assert champion() == "1"
    move(NAME, "1", "archived")
    assert not promote(NAME, first, lax).verdict.promoted
    assert champion() == ""
    move(NAME, "2", "production")
    assert promote(NAME, second, lax).verdict.reason == "it is the champion already"
    assert promote(NAME, candidate(2), lax).verdict.promoted  # another one may take its place


def test_a_champion_that_another_chain_makes_meanwhile_is_the_one_to_beat(
    candidate, prepared, monkeypatch
):
    worst, best, middle = candidate(1), candidate(20), candidate(2)
    promote(NAME, worst, prepared)
    seen: list[str] = []
    measure = promotion.on_test

    def on_test(files, table, rows, called=None):
        if called:
            seen.append(called)
        if seen == ["version 1"]:
            seen.append("another chain")
            made = promote(NAME, best, prepared)
            make_champion(NAME, made.version)
        return measure(files, table, rows, called)

    monkeypatch.setattr(promotion, "on_test", on_test)
    verdict = promote(NAME, middle, prepared).verdict
    assert seen == ["version 1", "another chain", "version 1", "version 3"]
    assert not verdict.promoted
    assert champion() == "3"


def test_a_lost_comparison_does_not_take_the_role_that_a_person_gives_meanwhile(
    candidate, prepared, store, stage, monkeypatch
):
    promote(NAME, candidate(20), prepared)
    settle = promotion._settle

    def meanwhile(version, verdict):
        move(NAME, str(version.version), "production")
        settle(version, verdict)

    monkeypatch.setattr(promotion, "_settle", meanwhile)
    assert not promote(NAME, candidate(1), prepared).verdict.promoted
    assert versions_by_role(NAME) == {"champion": "2"}
    assert (stage("1"), stage("2")) == ("Archived", "Production")


class Stranger(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


def test_a_champion_of_another_program_is_not_loaded_and_stays(
    candidate, prepared, store, experiment, monkeypatch
):
    with mlflow.start_run(experiment_id=experiment):
        mlflow.pyfunc.log_model(name="model", python_model=Stranger(), registered_model_name=NAME)
    make_champion(NAME, "1")
    verdict = promote(NAME, candidate(2), prepared).verdict
    assert not verdict.promoted
    assert "Version 1 of late was not registered by this project" in verdict.reason
    assert "give -P model=NAME to start another" in verdict.reason
    monkeypatch.setenv("THROUGHLINE_ALLOW_PICKLES", NAME)
    verdict = promote(NAME, candidate(2), prepared).verdict
    assert "version 1 does not load as a model of this project: " in verdict.reason
    assert champion() == "1"


def test_a_champion_whose_files_are_gone_or_others_stays(candidate, prepared, store):
    first = candidate(1)
    promote(NAME, first, prepared)
    files = mlflow.artifacts.download_artifacts(first.data.tags["throughline.model"])
    second = candidate(2)
    with open(f"{files}/artifacts/served/plan.json", "a", encoding="utf-8") as file:
        file.write(" ")
    verdict = promote(NAME, second, prepared).verdict
    assert "version 1 of late are not those that were registered" in verdict.reason
    assert champion() == "1"


def test_a_champion_that_does_not_take_the_test_rows_stays(candidate, prepared, store, monkeypatch):
    promote(NAME, candidate(1), prepared)
    measure = promotion.on_test

    def on_test(files, table, rows, called=None):
        missing = {"n": float("nan")} if called else {}  # a whole number for the champion
        return measure(files, table, rows.assign(**missing), called)

    monkeypatch.setattr(promotion, "on_test", on_test)
    verdict = promote(NAME, candidate(2), prepared).verdict
    assert not verdict.promoted
    assert "(version 1 does not take the test rows: Cannot convert non-finite" in verdict.reason
    assert champion() == "1"


def test_a_model_that_gives_no_reason_is_told_by_its_errors_name(candidate, prepared, monkeypatch):
    def nothing(*_):
        raise AssertionError

    uri, rows = candidate(1).data.tags["throughline.model"], prepared.raw_rows("test")
    monkeypatch.setattr("throughline.registry.on_test.conform", nothing)
    with pytest.raises(NotComparableError, match="does not take the test rows: AssertionError$"):
        on_test(uri, prepared, rows)


def test_a_candidate_that_does_not_load_is_a_mistake(candidate, prepared, store, tmp_path):
    run = candidate(1)
    store.set_tag(run.info.run_id, "throughline.model", (tmp_path / "nowhere").as_uri())
    with pytest.raises(UserError, match="The candidate cannot be measured: .*; train it again"):
        promote(NAME, store.get_run(run.info.run_id), prepared)


def test_a_server_that_is_gone_is_told_without_its_password(versions, store, prepared, gone_server):
    versions(1)
    version, rows = store.get_model_version(NAME, "1"), prepared.raw_rows("test")
    gone_server()
    for measure in (
        lambda: promotion._champion_on_test(version, prepared, rows),
        lambda: on_test(f"models:/{NAME}/1", prepared, rows),
    ):
        with pytest.raises(NotComparableError, match=r"http://127\.0\.0\.1:9/api") as found:
            measure()
        assert "secret" not in str(found.value)
