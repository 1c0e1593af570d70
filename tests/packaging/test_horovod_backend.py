"""The build backend of Horovod: its settings, its one refusal, and what it built."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "packaging" / "horovod"


@pytest.fixture(scope="module")
def backend() -> ModuleType:
    spec = importlib.util.spec_from_file_location("horovod_build", FOLDER / "horovod_build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_builds_with_torch_and_gloo_and_nothing_that_happens_to_be_there(
    backend: ModuleType,
) -> None:
    environment = backend.build_environment({"PATH": "/bin"})
    assert environment["HOROVOD_WITH_PYTORCH"] == environment["HOROVOD_WITH_GLOO"] == "1"
    for part in ("MPI", "TENSORFLOW", "MXNET"):
        assert environment[f"HOROVOD_WITHOUT_{part}"] == "1"
    assert environment["PATH"] == "/bin"
    assert Path(environment["CMAKE_TOOLCHAIN_FILE"]).is_file()


def test_builds_mpi_in_when_asked(backend: ModuleType) -> None:
    environment = backend.build_environment({"HOROVOD_WITH_MPI": "1"})
    assert environment["HOROVOD_WITH_MPI"] == "1"
    assert "HOROVOD_WITHOUT_MPI" not in environment
    assert environment["HOROVOD_WITHOUT_TENSORFLOW"] == "1"


def test_builds_for_tensorflow_when_asked(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOROVOD_WITH_TENSORFLOW", raising=False)
    assert backend.get_requires_for_build_wheel() == []
    monkeypatch.setenv("HOROVOD_WITH_TENSORFLOW", "1")
    assert backend.get_requires_for_build_wheel() == [backend.TENSORFLOW]
    extra = (FOLDER.parents[1] / "requirements-tensorflow.in").read_text()
    assert backend.TENSORFLOW in extra.splitlines()
    assert "HOROVOD_WITHOUT_TENSORFLOW" not in backend.build_environment(os.environ)


def test_the_number_of_jobs_can_be_chosen(backend: ModuleType) -> None:
    assert backend.build_environment({"MAKEFLAGS": "-j1"})["MAKEFLAGS"] == "-j1"


def test_fetches_the_source_where_uv_fetches_packages(backend: ModuleType) -> None:
    both = {"UV_DEFAULT_INDEX": "file:///a", "PIP_INDEX_URL": "file:///b"}
    assert backend.build_environment({"UV_DEFAULT_INDEX": "file:///a"})["PIP_INDEX_URL"] == (
        "file:///a"
    )
    assert backend.build_environment(both)["PIP_INDEX_URL"] == "file:///b"


def test_without_a_compiler_it_says_so_in_one_sentence(tmp_path: Path) -> None:
    call = f"import horovod_build; horovod_build.build_wheel({str(tmp_path)!r})"
    environment = {"PATH": str(tmp_path), "PYTHONPATH": str(FOLDER)}
    result = subprocess.run([sys.executable, "-c", call], env=environment, capture_output=True)
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 1
    assert len(lines) == 1 and "C++ compiler" in lines[0] and "build-essential" in lines[0]


def test_a_compiler_alone_is_not_enough(backend: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "my-compiler").touch(mode=0o755)
    environment = {"PATH": str(tmp_path), "CXX": "my-compiler -O1"}
    assert "needs make" in backend.missing_tool(environment)
    (tmp_path / "make").touch(mode=0o755)
    assert backend.missing_tool(environment) is None


@pytest.mark.slow
def test_the_installed_horovod_has_gloo_and_initialises() -> None:
    program = (
        "import horovod.torch as hvd, torch; hvd.init(); "
        "print(hvd.gloo_built(), hvd.size(), hvd.allreduce(torch.ones(2)).tolist())"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HOROVOD_CONTROLLER": "gloo", "HOROVOD_CPU_OPERATIONS": "gloo"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert result.stdout.split("\n")[0] == "True 1 [1.0, 1.0]"
