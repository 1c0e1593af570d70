"""The way back to the champion before."""

import logging

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from tests.registry.conftest import NAME
from throughline.errors import UserError
from throughline.registry.champions import (
    Rollback,
    end_rollback,
    given_up,
    make_champion,
    notes_taken_back,
    resume_rollback,
    roll_back,
)
from throughline.registry.roles import champion_of
from throughline.registry.stages import move


def test_back_step_by_step_to_the_first(versions, stage):
    versions(3)
    for version in ("1", "2", "3"):
        make_champion(NAME, version)
    done = roll_back(NAME)
    assert (done.given_up, done.champion) == ("3", "2")
    assert str(champion_of(NAME).version) == "2"
    assert [stage(v) for v in "123"] == ["Archived", "Production", "Archived"]
    assert roll_back(NAME).champion == "1"
    with pytest.raises(UserError, match="Version 1 of late is its first champion"):
        roll_back(NAME)
    assert str(champion_of(NAME).version) == "1"


def test_whose_place_when_and_by_whom(versions, store):
    versions(2)
    make_champion(NAME, "1")
    make_champion(NAME, "2")
    tags = store.get_model_version(NAME, "2").tags
    assert tags["champion_before"] == "1"
    assert tags["champion_by"] == "ada"
    assert tags["champion_since"].startswith("20")
    assert "champion_before" not in store.get_model_version(NAME, "1").tags


def test_making_the_champion_again_changes_nothing(versions, store):
    versions(2)
    make_champion(NAME, "1")
    make_champion(NAME, "2")
    before = store.get_model_version(NAME, "2").tags
    make_champion(NAME, "2")
    assert store.get_model_version(NAME, "2").tags == before


def test_the_one_that_was_given_up_is_marked_until_a_person_takes_it_again(versions, store):
    versions(2)
    make_champion(NAME, "1")
    make_champion(NAME, "2")
    roll_back(NAME)
    assert given_up(store.get_model_version(NAME, "2")).endswith("by ada")
    make_champion(NAME, "2")
    assert given_up(store.get_model_version(NAME, "2")) == ""
    assert roll_back(NAME).champion == "1"


@pytest.mark.parametrize("act", [roll_back, lambda name: move(name, "3", "production")])
def test_a_move_that_is_refused_leaves_no_note(versions, store, monkeypatch, act):
    versions(3)
    make_champion(NAME, "1")
    make_champion(NAME, "2")
    before = [store.get_model_version(NAME, version).tags for version in "123"]

    def refuse(*_):
        raise MlflowException("You may not.", PERMISSION_DENIED)

    monkeypatch.setattr("mlflow.MlflowClient.set_registered_model_alias", refuse)
    with pytest.raises(MlflowException, match="You may not"):
        act(NAME)
    assert [store.get_model_version(NAME, version).tags for version in "123"] == before


def test_a_server_that_is_gone_is_told_without_its_password(versions, gone_server, caplog):
    versions(1)
    with (
        caplog.at_level(logging.WARNING, logger="throughline"),
        pytest.raises(KeyError),
        notes_taken_back(NAME, "1"),
    ):
        gone_server()
        raise KeyError
    assert "may be left: API request to http://127.0.0.1:9/api" in caplog.text
    assert "secret" not in caplog.text


def test_the_one_that_is_champion_again_is_given_up_no_more(versions, store):
    versions(3)
    for version in ("1", "2"):
        make_champion(NAME, version)
    roll_back(NAME)
    for version in ("3", "2"):
        make_champion(NAME, version)
    move(NAME, "3", "production")  # of 2, which has now been given up twice
    assert given_up(store.get_model_version(NAME, "2"))
    assert roll_back(NAME).champion == "2"
    assert not given_up(store.get_model_version(NAME, "2"))
    assert given_up(store.get_model_version(NAME, "3"))


def rolled_back() -> Rollback:
    """A rollback that has ended."""
    done = roll_back(NAME)
    end_rollback(NAME, done.champion)
    return done


def test_a_rollback_is_gone_on_with_until_it_has_ended(versions, store):
    versions(3)
    for version in ("1", "2", "3"):
        make_champion(NAME, version)
    assert resume_rollback(NAME) == ""
    roll_back(NAME)
    assert resume_rollback(NAME) == resume_rollback(NAME) == "2"
    end_rollback(NAME, "2")
    assert resume_rollback(NAME) == ""
    assert "rolling_back" not in store.get_model_version(NAME, "2").tags
    assert rolled_back().champion == "1"


def test_a_rollback_that_was_cut_between_alias_and_stage_is_repaired(versions, store, stage):
    versions(2)
    make_champion(NAME, "1")
    make_champion(NAME, "2")
    roll_back(NAME)
    store.transition_model_version_stage(NAME, "2", "Production", archive_existing_versions=True)
    store.set_model_version_tag(NAME, "1", "given_up", "before")
    assert resume_rollback(NAME) == "1"
    assert (stage("1"), stage("2")) == ("Production", "Archived")
    assert not given_up(store.get_model_version(NAME, "1"))


@pytest.mark.parametrize("made", [["3", "1"], ["1"]])
def test_a_champion_that_a_person_makes_is_no_rollbacks(versions, made):
    versions(3)
    for version in ("1", "2"):
        make_champion(NAME, version)
    roll_back(NAME)
    for version in made:
        move(NAME, version, "production")
        assert resume_rollback(NAME) == ""


def test_a_champion_that_a_person_makes_of_the_one_before_is_no_rollbacks(versions):
    versions(2)
    for version in ("1", "2", "1", "2"):
        make_champion(NAME, version)
    move(NAME, "1", "production")
    assert resume_rollback(NAME, "2") == ""  # 2 is still served, and 1 was champion before it
    assert rolled_back().champion == "2"
    assert resume_rollback(NAME, "1") == "2"  # this one is


def test_a_rollback_goes_on_where_what_was_given_up_is_still_served(versions):
    versions(3)
    for version in ("1", "2", "3"):
        make_champion(NAME, version)
    assert resume_rollback(NAME, "3") == ""
    rolled_back()
    for other in ("2", "1", "9"):
        assert resume_rollback(NAME, other) == ""
    assert resume_rollback(NAME, "3") == "2"
    assert resume_rollback(NAME, "2") == "2"  # it is served by now, and that was cut short
    end_rollback(NAME, "2")
    rolled_back()
    assert resume_rollback(NAME, "3") == ""  # of an earlier one
    assert resume_rollback(NAME, "2") == "1"


def test_a_champion_that_was_deleted(versions, store):
    versions(2)
    make_champion(NAME, "1")
    make_champion(NAME, "2")
    store.delete_model_version(NAME, "1")
    with pytest.raises(UserError, match="version 1, which was deleted"):
        roll_back(NAME)
    assert str(champion_of(NAME).version) == "2"


def test_no_champion(versions):
    with pytest.raises(UserError, match="'late' has no champion"):
        roll_back(NAME)
    versions(1)
    with pytest.raises(UserError, match="'late' has no champion"):
        roll_back(NAME)
