"""Known weaknesses of the packages that are pinned, by pip-audit and PyPI's advisories."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.extras import PROJECT, make_environment

ACCEPTED: dict[str, str] = {}
"""Advisories that do not matter here, by their ids, and why."""

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment with pip-audit, beside the project's."""
    found = Path(__file__).with_name("requirements-pip-audit.txt")
    return make_environment(["pip-audit"], found, tmp_path_factory.mktemp("audit") / "environment")


@pytest.mark.parametrize("pins", ["requirements.txt", "requirements-tensorflow.txt"])
def test_no_pin_has_a_known_weakness(python, pins):
    command = [str(python), "-m", "pip_audit", "--requirement", pins, "--format", "json"]
    command += ["--no-deps", "--disable-pip", "--progress-spinner", "off"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout, done.stderr
    audited = [one for one in json.loads(done.stdout)["dependencies"] if "vulns" in one]
    if not audited:
        pytest.skip("NOT AUDITED HERE: PyPI's advisories cannot be reached")
    weak = {
        vulnerability[
            "id"
        ]: f"{one['name']} {one['version']}, mended in {vulnerability['fix_versions']}"
        for one in audited
        for vulnerability in one["vulns"]
    }
    assert {number: told for number, told in weak.items() if number not in ACCEPTED} == {}
