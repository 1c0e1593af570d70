"""Folders that cannot be written, each as a sentence."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from throughline.chain.backend import BackendOptions
from throughline.chain.docker import DockerBackend
from throughline.errors import UserError
from throughline.faults import sentence_of
from throughline.recipe.file import load_recipe
from throughline.spark import check_writable


@pytest.fixture
def readonly(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may write, not even root."""
    folder = tmp_path / "readonly"
    folder.mkdir()
    if os.geteuid():
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    command = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("root needs the right to mount a read-only disk: NOT TESTED HERE")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("uri", [str, Path.as_uri])
def test_an_output_that_cannot_be_written(readonly: Path, uri, spark) -> None:
    said = f"The folder {readonly} cannot be written by this user; give .* another data_root"
    with pytest.raises(UserError, match=said):
        check_writable(spark, uri(readonly / "new" / "prepared"))


def test_an_output_below_a_file(tmp_path: Path, spark) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"cannot be made, since {tmp_path}/file is a file; give"):
        check_writable(spark, f"{tmp_path}/file/prepared")
    check_writable(spark, f"{tmp_path}/new/prepared")
    assert not (tmp_path / "new").exists()


def test_a_data_root_that_no_container_could_write(
    readonly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Engine:
        class images:  # noqa: N801 (as the client has it)
            list = staticmethod(lambda name: [name])

    monkeypatch.setattr("throughline.chain.docker.docker_engine", Engine)
    recipe = load_recipe("recipes/wine.yaml", "none")
    with pytest.raises(UserError, match=f"The folder {readonly} cannot be written by this user"):
        DockerBackend.open(BackendOptions("docker", "none", "local", f"{readonly}/data"), recipe)


def test_what_is_refused_in_the_middle_of_the_work(readonly: Path) -> None:
    with pytest.raises(OSError) as found:
        (readonly / "deployments").mkdir()
    said = sentence_of(found.value)
    assert said and said.startswith(f"{readonly}/deployments cannot be read or written (")
    assert sentence_of(PermissionError("of no file")) is None
