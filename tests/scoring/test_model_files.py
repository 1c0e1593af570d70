"""Which files a name or a URI of a model stands for."""

import shutil

import mlflow
import pytest

from throughline.errors import UserError
from throughline.registry.digest import DIGEST
from throughline.scoring.model_files import ModelFiles


@pytest.fixture
def client(empty_store, tmp_path, monkeypatch):
    """The client of an empty registry, which the code under test finds too."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", uri)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    yield mlflow.MlflowClient(uri, uri)
    mlflow.set_tracking_uri(before)


@pytest.mark.parametrize("model", ["late", "models:/late/1", "models:/late@champion"])
def test_a_version_is_read_only_as_it_was_registered(client, tmp_path, model):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "MLmodel").write_text("flavors: {}\n")
    client.create_registered_model("late")
    client.create_model_version("late", (tmp_path / "files").as_uri())
    client.set_registered_model_alias("late", "champion", "1")
    client.set_model_version_tag("late", "1", DIGEST, "of other files")
    with (
        pytest.raises(UserError, match="version 1 of late are not those that were registered"),
        ModelFiles.find(model, "champion"),
    ):
        pass


def test_what_is_not_registered_is_read_only_if_it_is_trusted_by_its_uri(
    client, tmp_path, monkeypatch
):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "MLmodel").write_text("flavors: {}\n")
    uri = (tmp_path / "files").as_uri()
    for model in (uri, "runs:/a/model", "models:/m-1"):
        with (
            pytest.raises(UserError, match=f"The model {model} was not registered by this project"),
            ModelFiles.find(model, "champion"),
        ):
            pass
    monkeypatch.setenv("THROUGHLINE_ALLOW_PICKLES", uri)
    with (
        pytest.raises(UserError, match="was not trained by a step of this project"),
        ModelFiles.find(uri, "champion"),
    ):
        pass


@pytest.mark.parametrize("model", ["models:/none-such/1", "models:/none-such@champion"])
def test_no_such_version(client, model):
    with (
        pytest.raises(UserError, match=f"{model} cannot be read: .*not found"),
        ModelFiles.find(model, "champion"),
    ):
        pass
