"""A registry that keeps the models' files elsewhere: what of them is on this machine, and when."""

import shutil
import tempfile

import mlflow
import pytest
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from tests.deployment.conftest import VERSIONS
from tests.deployment.saved_model import save_model
from throughline.deployment.local import LocalTarget
from throughline.deployment.record import log_deployment
from throughline.deployment.versions import fetched, resolve
from throughline.errors import UserError
from throughline.registry.digest import DIGEST, digest_of

MODEL = "far-away"


class Elsewhere(LocalArtifactRepository):
    """A store whose folder is none of this machine for who reads it: all is copied."""

    def __init__(self, artifact_uri, tracking_uri=None, registry_uri=None):
        super().__init__(artifact_uri.replace("elsewhere:", "file:"), tracking_uri, registry_uri)

    def download_artifacts(self, artifact_path, dst_path=None):
        return ArtifactRepository.download_artifacts(self, artifact_path, dst_path)


@pytest.fixture(scope="module")
def store(registry, tmp_path_factory):
    """The folder with the files of each version, under its alias."""
    _artifact_repository_registry.register("elsewhere", Elsewhere)
    folder = tmp_path_factory.mktemp("store")
    client = mlflow.MlflowClient()
    client.create_registered_model(MODEL)
    for alias, config in VERSIONS.items():
        save_model(folder / alias, "", config)
        tags = {DIGEST: digest_of(folder / alias)}
        made = client.create_model_version(MODEL, f"elsewhere://{folder}/{alias}", tags=tags)
        client.set_registered_model_alias(MODEL, alias, made.version)
    yield folder
    client.delete_registered_model(MODEL)
    del _artifact_repository_registry._registry["elsewhere"]


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where temporary files of this process go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def target(store, tmp_path, free_port):
    target = LocalTarget(tmp_path / "deployments", free_port())
    yield target
    target.delete(MODEL)


def kept(target):
    return sorted(folder.name[:10] for folder in target.states.folder.glob("models/*"))


def test_a_copy_is_kept_while_its_version_is_served(target, scratch, store, tmp_path):
    made = target.deploy(resolve(MODEL, "champion"))
    with mlflow.start_run(experiment_id="0"):
        assert log_deployment(target, made).startswith(f"models:/{MODEL}/1 is served at")
    assert target.deploy(resolve(MODEL, "champion")).change == "unchanged"
    assert kept(target) == ["version-1-"]
    with pytest.raises(UserError, match="while it loaded"):
        target.deploy(resolve(MODEL, "dies"))
    assert kept(target) == ["version-1-"]
    target.deploy(resolve(MODEL, "challenger"))
    assert kept(target) == ["version-2-"]

    shutil.move(store / "challenger", tmp_path / "away")
    try:
        with pytest.raises(UserError, match="version 2 serves again"):
            target.deploy(resolve(MODEL, "unstable"))
    finally:
        shutil.move(tmp_path / "away", store / "challenger")
    assert kept(target) == ["version-2-"]
    target.delete(MODEL)
    assert kept(target) == []
    assert list(scratch.iterdir()) == []


def test_a_copy_for_a_moment_is_removed(store, scratch):
    with fetched(resolve(MODEL, "champion")) as files:
        assert files.startswith(str(scratch))
    assert list(scratch.iterdir()) == []


def test_files_that_are_gone_are_a_sentence(store, tmp_path):
    shutil.move(store / "dies", tmp_path / "away")
    try:
        with (
            pytest.raises(
                UserError, match=r"models:/far-away/3 cannot be read: there is no MLmodel"
            ),
            fetched(resolve(MODEL, "dies")),
        ):
            pass
    finally:
        shutil.move(tmp_path / "away", store / "dies")
