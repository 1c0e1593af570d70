"""Copies of the project, and a conda installation whose channel lies on this machine."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.emulators.conda.channel import movable_python
from tests.emulators.conda.installation import install
from throughline.command_line.commands import run_environment

PROJECT = Path(__file__).resolve().parents[2]
PARTS = ("MLproject", "conda.yaml", "requirements.txt", "recipes", "steps")

WHOLE = "      - -r requirements.txt\n      - ./packaging/horovod\n"
FEW = """      - -c requirements.txt
      - alembic
      - mlflow-skinny
      - psutil
      - sqlalchemy
"""
"""What ``deploy -P action=status`` imports, at the pins of requirements.txt; all take minutes."""


@dataclass(frozen=True)
class Copy:
    """A copy of the project, and where its environments and runs are kept."""

    folder: Path

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder}/mlflow.db"

    @property
    def environment(self) -> dict[str, str]:
        """That of ``python3 -m throughline run``, but of this environment mlflow and uv alone.

        So a step whose environment was not activated finds no MLflow to import.
        """
        programs, own = self.folder / "programs", Path(sys.executable).parent
        programs.mkdir(exist_ok=True)
        for name in ("mlflow", "uv"):
            if not (programs / name).exists():
                (programs / name).symlink_to(str(shutil.which(name)))
        path = [part for part in os.environ["PATH"].split(os.pathsep) if Path(part) != own]
        outer = {**os.environ, "PATH": os.pathsep.join(path), "MLFLOW_TRACKING_URI": self.store}
        made = run_environment(outer, programs)
        made["MLFLOW_ENV_ROOT"] = str(self.folder.parent / "environments")  # blanks break MLflow
        for name in ("JAVA_HOME", "CONDA_EXE", "VIRTUAL_ENV"):
            made.pop(name, None)
        return made

    def mlflow_run(self, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """``mlflow run`` of an entry point of the copy; what it prints is in ``stdout``."""
        return subprocess.run(
            ["mlflow", "run", ".", *options],
            env=self.environment | variables,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def change(self, before: str, after: str) -> None:
        """Changes the copy's conda.yaml."""
        file = self.folder / "conda.yaml"
        text = file.read_text(encoding="utf-8")
        assert before in text
        file.write_text(text.replace(before, after, 1), encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy whose pip section is short; the rest of its conda.yaml is the project's."""
    made = Copy(tmp_path_factory.mktemp("copied") / "a copy")
    made.folder.mkdir()
    for part in PARTS:
        source, target = PROJECT / part, made.folder / part
        _ = shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    shutil.copytree(
        PROJECT / "throughline",
        made.folder / "throughline",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    made.change(WHOLE, FEW)
    return made


@pytest.fixture(scope="session")
def conda_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conda installation, as MLFLOW_CONDA_HOME names it, with a channel of real packages."""
    if not movable_python():
        pytest.skip(
            f"the Python of {sys.base_prefix} cannot be packed: it looks for its packages "
            "in folders of its distribution"
        )
    folder = tmp_path_factory.mktemp("conda")
    channel = folder / "channels" / "conda-forge"
    command = [sys.executable, "-m", "tests.emulators.conda.channel", str(channel)]
    subprocess.run(command, cwd=PROJECT, check=True)
    install(folder, channel.parent.as_uri())
    return folder
