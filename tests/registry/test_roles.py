"""A role is an alias and a stage, each where the registry has it."""

import mlflow
import pytest

from tests.registry.conftest import NAME
from throughline.errors import UserError
from throughline.registry.roles import (
    CHALLENGER,
    CHAMPION,
    champion_of,
    give_role,
    has_aliases,
    has_stages,
    take_roles,
    versions_by_role,
)
from throughline.registry.stages import versions_of


def test_a_role_is_an_alias_and_a_stage(versions, stage):
    versions(2)
    give_role(NAME, "1", CHAMPION)
    give_role(NAME, "2", CHALLENGER)
    assert versions_by_role(NAME) == {CHAMPION: "1", CHALLENGER: "2"}
    assert (stage("1"), stage("2")) == ("Production", "Staging")


def test_a_new_champion_is_the_challenger_no_more_and_the_old_one_is_archived(versions, stage):
    versions(2)
    give_role(NAME, "1", CHAMPION)
    give_role(NAME, "2", CHALLENGER)
    give_role(NAME, "2", CHAMPION)
    assert versions_by_role(NAME) == {CHAMPION: "2"}
    assert (stage("1"), stage("2")) == ("Archived", "Production")


def test_what_was_cut_short_between_alias_and_stage_is_repaired(versions, stage, store):
    versions(2)
    give_role(NAME, "1", CHAMPION)
    store.set_registered_model_alias(NAME, CHAMPION, "2")  # and then it was killed
    give_role(NAME, "2", CHAMPION)
    assert (stage("1"), stage("2")) == ("Archived", "Production")


def test_a_version_without_a_role(versions, stage):
    versions(1)
    give_role(NAME, "1", CHAMPION)
    take_roles(NAME, "1", "Archived")
    assert versions_by_role(NAME) == {}
    assert stage("1") == "Archived"
    assert champion_of(NAME) is None


@pytest.mark.parametrize(
    ("uri", "aliases", "stages"),
    [
        ("databricks", False, True),
        ("databricks://profile", False, True),
        ("databricks-uc", True, False),
        ("databricks-uc://profile", True, False),
    ],
)
def test_what_the_registries_of_databricks_have(monkeypatch, uri, aliases, stages):
    monkeypatch.setattr(mlflow, "get_registry_uri", lambda: uri)
    assert (has_aliases(), has_stages()) == (aliases, stages)


def test_what_the_registry_of_mlflow_has(store):
    assert has_aliases()
    assert has_stages()


@pytest.mark.parametrize("name", ["models:/late", "a/b", "", " ", "..", "it's"])
@pytest.mark.parametrize("look", [champion_of, versions_by_role, versions_of])
def test_what_is_no_name_of_a_model_is_a_mistake(store, look, name):
    with pytest.raises(UserError, match=f"{name!r} cannot be the name of a registered model"):
        look(name)


def test_a_name_of_unity_catalog_has_dots(store):
    assert champion_of("main.flights.late") is None
