"""Versions moved on purpose."""

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from tests.registry.conftest import NAME
from throughline.errors import UserError
from throughline.registry.champions import given_up
from throughline.registry.roles import versions_by_role
from throughline.registry.stages import delete, move


def test_the_champion_is_what_is_in_production(versions, stage):
    versions(2)
    assert move(NAME, "1", "production") == "version 1 of late is in Production"
    move(NAME, "2", "staging")
    assert versions_by_role(NAME) == {"champion": "1", "challenger": "2"}
    move(NAME, "2", "production")
    assert versions_by_role(NAME) == {"champion": "2"}
    assert (stage("1"), stage("2")) == ("Archived", "Production")
    move(NAME, "2", "archived")
    assert versions_by_role(NAME) == {}
    move(NAME, "2", "none")
    assert stage("2") == "None"


@pytest.mark.parametrize(
    ("version", "to", "lost"),
    [
        ("1", "production", True),
        ("1", "staging", False),
        ("2", "production", False),
        ("2", "staging", True),
        ("2", "archived", True),
        ("2", "none", True),
    ],
)
def test_a_champion_that_a_person_takes_from_its_place_is_given_up(
    versions, store, version, to, lost
):
    versions(2)
    move(NAME, "2", "production")
    move(NAME, version, to)
    assert bool(given_up(store.get_model_version(NAME, "2"))) == lost
    move(NAME, "2", "production")
    assert not given_up(store.get_model_version(NAME, "2"))


@pytest.mark.parametrize(
    ("version", "to", "sentence"),
    [
        ("3", "staging", "late has no version '3', only 1, 2; give -P version="),
        ("none", "staging", "late has no version 'none', only 1, 2"),
        ("1", "prod", "There is no stage 'prod'; it is one of none, staging, production, archived"),
    ],
)
def test_a_version_or_a_stage_that_is_not_there(versions, version, to, sentence):
    versions(2)
    with pytest.raises(UserError, match=sentence):
        move(NAME, version, to)


def test_no_such_model(store):
    with pytest.raises(UserError, match="There is no registered model 'late'"):
        move(NAME, "1", "staging")


def test_only_what_is_archived_is_deleted(versions, store):
    versions(3)
    move(NAME, "1", "production")
    move(NAME, "2", "archived")
    with pytest.raises(UserError, match="Not archived of late: 1; only what is archived"):
        delete(NAME, "1")
    with pytest.raises(UserError, match="Not archived of late: 1, 3;"):
        delete(NAME, "all")
    assert len(store.search_model_versions(f"name = '{NAME}'")) == 3
    delete(NAME, "2")
    for version in ("1", "3"):
        move(NAME, version, "archived")
    assert delete(NAME, "all") == "late and its 2 versions are deleted"
    with pytest.raises(MlflowException, match="not found"):
        store.get_registered_model(NAME)


def test_what_an_alias_names_is_not_deleted_even_if_it_is_archived(versions, store):
    versions(2)
    for version in ("1", "2"):
        move(NAME, version, "archived")
    store.set_registered_model_alias(NAME, "champion", "1")  # by hand
    store.set_registered_model_alias(NAME, "eu", "1")
    for version in ("1", "all"):
        with pytest.raises(UserError, match="version 1 of late has the alias champion, eu;"):
            delete(NAME, version)
    move(NAME, "1", "archived")
    store.delete_registered_model_alias(NAME, "eu")
    assert delete(NAME, "1") == "version 1 of late is deleted"


def test_without_stages_what_an_alias_names_is_not_deleted(versions, store, monkeypatch):
    versions(2)
    store.set_registered_model_alias(NAME, "champion", "1")
    with monkeypatch.context() as changed:
        changed.setattr(mlflow, "get_registry_uri", lambda: "databricks-uc")
        with pytest.raises(UserError, match="version 1 of late has the alias champion;"):
            delete(NAME, "1")
        assert delete(NAME, "2") == "version 2 of late is deleted"


def test_a_registry_without_stages_has_two_of_them_by_their_aliases(versions, monkeypatch):
    versions(2)
    monkeypatch.setattr(mlflow, "get_registry_uri", lambda: "databricks-uc")
    with pytest.raises(UserError, match="Unity Catalog has no stages, so nothing can be archived"):
        move(NAME, "1", "archived")
