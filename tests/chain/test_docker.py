"""What a container of a step sees of this machine."""

from pathlib import Path

import pytest

from throughline.chain.docker import LOGINS, check_mounts, env_file
from throughline.errors import UserError
from throughline.packaging.docker import Mount


def test_a_path_with_a_blank_is_refused() -> None:
    check_mounts([Mount.same(Path("/plain"))])
    with pytest.raises(UserError, match="The folder /with a blank has a blank in its path"):
        check_mounts([Mount.same(Path("/plain")), Mount.same(Path("/with a blank"))])


def test_the_logins_of_this_shell_reach_a_container_by_a_file_that_only_its_user_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in LOGINS:
        monkeypatch.delenv(name, raising=False)
    assert env_file(tmp_path) is None
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "only=here")
    monkeypatch.setenv("AZUREML_ARM_WORKSPACE_NAME", "late")
    path = env_file(tmp_path)
    assert path is not None and path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "AZURE_CLIENT_SECRET=only=here\nAZUREML_ARM_WORKSPACE_NAME=late\n"
