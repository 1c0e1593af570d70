"""The files that pin the environment agree with each other."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
FILES = sorted(path.name for path in PROJECT.glob("requirements*"))


def entries(name: str) -> list[str]:
    """The entries of a requirements file: comments left out, continued lines joined."""
    text = re.sub(r"(^|\s)#.*", "", (PROJECT / name).read_text(encoding="utf-8"), flags=re.M)
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def pins(name: str) -> dict[str, Requirement]:
    """The requirements of a file by canonical name, without their hashes."""
    found = [Requirement(entry.split(" --hash")[0]) for entry in entries(name)]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def test_lock_and_requirements_hold_the_same_pins() -> None:
    assert pins("requirements.lock") == pins("requirements.txt")
    assert len(entries("requirements.lock")) == len(pins("requirements.lock")) > 100


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_every_direct_dependency_is_pinned_within_its_bounds(name: str) -> None:
    pinned = pins(f"{name}.txt")
    for package, wanted in pins(f"{name}.in").items():
        (pin,) = pinned[package].specifier
        assert pin.operator == "=="
        assert wanted.specifier.contains(pin.version), package


def test_the_tools_of_the_tests_share_the_pins_of_the_run() -> None:
    run = pins("requirements.txt")
    tools = pins("requirements-dev.txt")
    assert {name: tools[name] for name in tools.keys() & run.keys()} == {
        name: run[name] for name in tools.keys() & run.keys()
    }


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_an_index_a_link_or_a_path(name: str) -> None:
    text = (PROJECT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash=)", text, flags=re.M)
    assert not re.search(r"==[^\s;]*\+", text), "a local version exists on one index only"


def test_only_torch_has_no_hash() -> None:
    bare = [entry for entry in entries("requirements.lock") if "--hash=sha256:" not in entry]
    assert bare == [f"torch=={next(iter(pins('requirements.txt')['torch'].specifier)).version}"]


def test_horovod_is_compiled_for_the_pinned_torch() -> None:
    project = (PROJECT / "packaging/horovod/pyproject.toml").read_text(encoding="utf-8")
    assert project.count(f'"{pins("requirements.txt")["torch"]}"') == 2
