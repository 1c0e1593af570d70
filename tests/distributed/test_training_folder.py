import logging

import fsspec
import mlflow
import pytest
from mlflow.exceptions import MlflowException

from tests.steps.conftest import free_port
from throughline.distributed.job_folder import CHECKPOINT, JobFolder
from throughline.distributed.training_folder import training_folder
from throughline.errors import UserError


def test_a_training_that_ended_well_leaves_nothing(make_job, tmp_path):
    table = str(tmp_path / "table")
    with training_folder(table, make_job(), "auto") as folder:
        folder.write(CHECKPOINT, b"weights")
    assert not (tmp_path / "table.training").exists()


def test_one_that_did_not_leaves_its_checkpoint_to_the_next(make_job, tmp_path, caplog):
    table = str(tmp_path / "table")
    with (
        caplog.at_level(logging.INFO, logger="throughline"),
        pytest.raises(KeyboardInterrupt),
        training_folder(table, make_job(), "auto") as folder,
    ):
        folder.write(CHECKPOINT, b"weights")
        raise KeyboardInterrupt
    assert "the checkpoint stays in" in caplog.text
    with (
        pytest.raises(KeyboardInterrupt),
        training_folder(table, make_job(seed=9), "none", keep=False) as folder,
    ):
        folder.write(CHECKPOINT, b"of a trial")
        raise KeyboardInterrupt
    assert folder.read(CHECKPOINT) is None
    with training_folder(table, make_job(code="mended"), "auto") as folder:
        assert folder.read(CHECKPOINT) is None
    for other in ({"epochs": 1}, {"patience": 1}):
        with training_folder(table, make_job(**other), "auto") as folder:
            assert folder.read(CHECKPOINT) is None
    with training_folder(table, make_job(), "auto", workers=4) as folder:
        assert folder.read(CHECKPOINT) is None
    with training_folder(table, make_job(threads=2), "auto") as folder:
        assert folder.read(CHECKPOINT) == b"weights"
        raise_later = training_folder(table, make_job(seed=8), "auto")
        with raise_later as other:
            assert other.read(CHECKPOINT) is None
        # Another process trains the same at the same time.
        with training_folder(table, make_job(), "auto") as second:
            assert second.uri != folder.uri
            assert second.read(CHECKPOINT) is None
    with training_folder(table, make_job(), "auto") as folder:
        assert folder.read(CHECKPOINT) is None


def test_it_may_start_anew_or_from_a_run(make_job, tmp_path, monkeypatch):
    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = mlflow.create_experiment("networks", (tmp_path / "artifacts").as_uri())
    (tmp_path / CHECKPOINT).write_bytes(b"of the run")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_artifact(str(tmp_path / CHECKPOINT), "training")
    table = str(tmp_path / "table")
    with pytest.raises(KeyboardInterrupt), training_folder(table, make_job(), "auto") as folder:
        folder.write(CHECKPOINT, b"of a killed one")
        raise KeyboardInterrupt
    with training_folder(table, make_job(), run.info.run_id) as folder:
        assert folder.read(CHECKPOINT) == b"of the run"
    with training_folder(table, make_job(), "none") as folder:
        assert folder.read(CHECKPOINT) is None
    with pytest.raises(KeyboardInterrupt), training_folder(table, make_job(), "auto") as folder:
        folder.write(CHECKPOINT, b"of a killed one")
        raise KeyboardInterrupt
    with (
        pytest.raises(UserError, match="There is no run 'gone' in .*; give resume the id"),
        training_folder(table, make_job(), "gone"),
    ):
        pass
    with training_folder(table, make_job(), "auto") as folder:
        assert folder.read(CHECKPOINT) == b"of a killed one"
    nobody = mlflow.create_experiment(
        "elsewhere", f"http://127.0.0.1:{free_port()}/api/2.0/mlflow-artifacts/artifacts"
    )
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    run_id = mlflow.MlflowClient().create_run(nobody).info.run_id
    with (
        pytest.raises(MlflowException, match="127.0.0.1"),  # nobody says that there is none
        training_folder(table, make_job(), run_id),
    ):
        pass
    mlflow.set_tracking_uri(before)


def test_the_folder_may_be_on_an_object_store(make_job):
    with training_folder("memory://box/table", make_job(), "auto") as folder:
        assert not folder.is_local
        folder.begin("{}")
        folder.write(CHECKPOINT, b"weights")
        assert JobFolder(folder.uri).read(CHECKPOINT) == b"weights"
        assert folder.text("job.json") == "{}"
        assert folder.text("result.json") == ""
    assert not fsspec.filesystem("memory").exists("/box/table.training")
