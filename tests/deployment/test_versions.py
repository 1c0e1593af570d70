"""From an alias to a version, with a real registry."""

import pytest

from throughline.deployment.target import ModelVersion
from throughline.deployment.targets import open_target
from throughline.deployment.versions import fetch, fetch_uri, resolve
from throughline.errors import UserError
from throughline.registry.champions import make_champion
from throughline.registry.stages import move
from throughline.scoring.model_files import ModelFiles


def test_an_alias_becomes_a_fixed_version(registry):
    found = resolve("late-test", "challenger")
    assert (found.name, found.version, found.uri) == ("late-test", "2", "models:/late-test/2")
    assert found.run_id and found.source.endswith("/challenger")


def test_a_missing_model_names_what_exists(registry):
    with pytest.raises(UserError, match="no registered model 'nope'; the registry has late-test"):
        resolve("nope", "champion")


def test_a_missing_alias_names_what_exists(registry):
    with pytest.raises(UserError, match=r"no alias nope, only .*champion \(version 1\)"):
        resolve("late-test", "nope")


def test_a_champion_that_was_deleted_is_a_sentence_that_says_what_to_do(registry, tmp_path):
    from mlflow import MlflowClient

    client = MlflowClient()
    client.create_registered_model("deleted")
    try:
        for version in ("1", "2"):
            client.create_model_version("deleted", f"file://{tmp_path}/{version}")
            make_champion("deleted", version)
        client.delete_model_version("deleted", "2")
        assert client.get_registered_model("deleted").aliases == {"champion": 2}
        said = r"champion of deleted names version 2, .* register -P model=deleted -P to=production"
        with pytest.raises(UserError, match=said):
            resolve("deleted", "champion")
        with pytest.raises(UserError, match=said), ModelFiles.find("deleted", "champion"):
            pass
        assert move("deleted", "1", "production") == "version 1 of deleted is in Production"
        assert resolve("deleted", "champion").version == "1"
    finally:
        client.delete_registered_model("deleted")


def test_files_that_are_gone_are_a_sentence(registry, tmp_path):
    from mlflow import MlflowClient

    client = MlflowClient()
    client.create_registered_model("gone")
    client.create_model_version("gone", f"file://{tmp_path}/gone")
    client.set_registered_model_alias("gone", "champion", "1")
    try:
        with pytest.raises(UserError, match="the files of models:/gone/1 cannot be read"):
            fetch(resolve("gone", "champion"), tmp_path / "files")
    finally:
        client.delete_registered_model("gone")


def test_a_registry_that_does_not_tell_the_digest_is_a_sentence(registry, monkeypatch, tmp_path):
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    model = resolve("late-test", "champion")

    def broken(*_):
        raise MlflowException("no answer")

    monkeypatch.setattr(MlflowClient, "get_model_version", broken)
    with pytest.raises(UserError, match="files of models:/late-test/1 cannot be read: no answer"):
        fetch(model, tmp_path / "files")


@pytest.mark.parametrize(
    ("name", "data_root", "port", "words"),
    [
        ("lokal", "data", 5055, "no target 'lokal'"),
        ("local", "s3://bucket/data", 5055, "needs|is none"),
        ("local", "data", 70000, "port 70000"),
        ("local", "data", 0, "port 0"),
    ],
)
def test_a_target_that_cannot_be_is_a_sentence(name, data_root, port, words):
    with pytest.raises(UserError, match=words):
        open_target(name, data_root, port)


def test_a_server_that_is_gone_is_told_without_its_password(gone_server, tmp_path):
    gone_server()
    version = ModelVersion("late-test", "1", run_id="", source="")
    for read in (
        lambda: fetch(version, tmp_path / "files"),
        lambda: fetch_uri(version.uri, tmp_path / "files"),
    ):
        with pytest.raises(UserError, match="cannot be read: .* http://127.0.0.1:9/api") as found:
            read()
        assert "secret" not in str(found.value)
