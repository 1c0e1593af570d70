"""A copy of the files that the README's two commands need, without and with an environment.

Building a real environment takes minutes and a network; the test run itself stands in one that
was built so. Here a stand-in environment with a valid stamp shows what happens around it.
"""

import shutil
from pathlib import Path

import pytest

from tests.command_line.processes import FILES, PROJECT
from throughline.command_line import bootstrap


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder without an environment, with a blank in its path."""
    root = tmp_path / "a project"
    (root / "throughline" / "command_line").mkdir(parents=True)
    for name in FILES:
        shutil.copy(PROJECT / "throughline" / name, root / "throughline" / name)
    for name in ("requirements.lock", "requirements-dev.txt"):
        shutil.copy(PROJECT / name, root)
    shutil.copytree(PROJECT / "packaging", root / "packaging")
    return root


@pytest.fixture
def ready(project: Path) -> Path:
    """The project with an environment that counts as finished; its programs come per test."""
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / bootstrap.STAMP).write_text(bootstrap.digest(project))
    (project / "mlflow.db").touch()
    return project
