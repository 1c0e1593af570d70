"""conda-lock really locks, with the look-alike and a channel of this machine."""

from pathlib import Path

import pytest
import yaml

from tests.packaging.conftest import Copy
from throughline.errors import UserError
from throughline.packaging import conda_lock


@pytest.mark.slow
def test_a_lock_made_again_is_of_conda_yaml_until_that_changes(
    copy: Copy, conda_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conda_lock, "PLATFORMS", ("linux-64",))  # the channel has no other
    program = str(conda_home / "bin" / "conda")
    conda_lock.lock(copy.folder, program)
    conda_lock.check(copy.folder)
    file = copy.folder / conda_lock.LOCK
    text = file.read_text(encoding="utf-8")
    packages = yaml.safe_load(text)["package"]
    assert sorted(package["name"] for package in packages) == ["openjdk", "pip", "python"]

    copy.change("openjdk=17", "openjdk=21")
    with pytest.raises(UserError, match="lock them again"):
        conda_lock.check(copy.folder)
    with pytest.raises(UserError, match="conda-lock ended with code 1"):  # the channel has no 21
        conda_lock.lock(copy.folder, program)
    assert file.read_text(encoding="utf-8") == text
