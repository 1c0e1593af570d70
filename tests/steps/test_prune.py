"""Pruning after the chain: it lists first, and keeps what the champion needs."""

import shutil
from pathlib import Path

import mlflow
import pytest

from tests.steps.conftest import Project
from tests.steps.test_chain import NAME, Chain, newest
from throughline.tracking import PREPARED, STEP


@pytest.fixture
def leftover(project: Project, chain: Chain) -> Path:
    """What an old preparation left that was killed: a table without its manifest, and its run."""
    client = mlflow.MlflowClient()
    table = Path(newest("prep").data.tags[PREPARED])
    run = client.create_run("0", start_time=1, tags={STEP: "prep"})
    copied = table.with_name(run.info.run_id)
    shutil.copytree(table / "train", copied / "train")
    client.set_terminated(run.info.run_id, "KILLED", end_time=2)
    return copied


def test_prune_lists_and_then_removes_what_nothing_uses(
    project: Project, chain: Chain, leftover: Path
) -> None:
    arguments = ("--data_root", str(project.data_root))
    listed = project.script("prune", *arguments)
    assert listed.returncode == 0, listed.stderr[-2000:]
    assert f"MB  {leftover}" in listed.stdout
    assert f"run {leftover.name}  prep" in listed.stdout
    assert "unused: 1 runs, 1 tables of " in listed.stdout
    assert leftover.exists()
    removed = project.script("prune", *arguments, "--remove", "yes")
    assert removed.returncode == 0, removed.stderr[-2000:]
    assert not leftover.exists()
    assert mlflow.get_run(leftover.name).info.lifecycle_stage == "deleted"
    assert (leftover.with_name(newest("prep").info.run_id) / "manifest.json").exists()
    champion = mlflow.MlflowClient().get_model_version_by_alias(NAME, "champion")
    assert mlflow.get_run(champion.run_id).info.lifecycle_stage == "active"
