"""Steps as processes of this machine, on projects that are not this one."""

from pathlib import Path

import pytest

from throughline.chain.local import run_project
from throughline.errors import UserError
from throughline.launcher import LAUNCHER
from throughline.process_identity import ProcessIdentity
from throughline.step import ERROR_FILE

pytestmark = pytest.mark.usefixtures("own_store")


def project(folder: Path, command: str) -> str:
    """A project whose one entry point is a command of the shell."""
    made = folder / "project"
    made.mkdir()
    entry = f"name: other\nentry_points:\n  work:\n    command: '{command}'\n"
    (made / "MLproject").write_text(entry)
    return str(made)


def test_the_mistake_that_a_step_tells_is_the_chains(tmp_path: Path) -> None:
    uri = project(tmp_path, f'printf "The table is gone." > "${ERROR_FILE}"; exit 2')
    with pytest.raises(UserError, match=r"^The table is gone\.$"):
        run_project(uri, "work", {}, env_manager="local")


def test_a_step_that_was_given_a_file_elsewhere_tells_its_mistake_there(tmp_path: Path) -> None:
    told = tmp_path / "told"
    uri = project(tmp_path, f'printf "The table is gone." > {told}; exit 2')
    with pytest.raises(UserError, match=r"^The table is gone\.$"):
        run_project(uri, "work", {}, told, env_manager="local")


def test_a_step_that_tells_no_mistake_has_failed(tmp_path: Path) -> None:
    uri = project(tmp_path, "exit 2")
    with pytest.raises(RuntimeError, match="what it printed is above"):
        run_project(uri, "work", {}, tmp_path / "told", env_manager="local")


def test_a_step_knows_which_process_launched_it(tmp_path: Path) -> None:
    told = tmp_path / "told"
    uri = project(tmp_path, f'printf "${LAUNCHER}" > {told}')
    run_project(uri, "work", {}, env_manager="local")
    assert told.read_text() == str(ProcessIdentity.of())
