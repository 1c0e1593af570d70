"""Build backend (PEP 517) that makes a Horovod wheel with PyTorch and Gloo.

``pip install ./packaging/horovod`` and ``uv pip install ./packaging/horovod`` both come here, and
so do the environment managers of MLflow. The source is Horovod's own distribution, checked against
the hash in ``source.txt``; only the compiler's settings are ours. With ``HOROVOD_WITH_MPI=1`` in
the environment MPI is built in as well, with ``HOROVOD_WITH_TENSORFLOW=1`` its part for TensorFlow.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
OPTIONAL = ("MPI", "TENSORFLOW", "MXNET")
MOST_JOBS = 8
"""Each compiler process needs about 1 GB with torch's headers."""

TENSORFLOW = "tensorflow-cpu==2.21.0"
"""What Horovod's part for TensorFlow is compiled for, that of ``requirements-tensorflow.in``; for
CPUs."""


def get_requires_for_build_wheel(config_settings: Mapping[str, object] | None = None) -> list[str]:
    """What a build needs besides what ``pyproject.toml`` says, as PEP 517 asks."""
    return [TENSORFLOW] if os.environ.get("HOROVOD_WITH_TENSORFLOW") == "1" else []


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, object] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Builds the wheel and returns its file name, as PEP 517 asks.

    Raises:
        SystemExit: With one sentence, if a tool is missing or the build failed.
    """
    if problem := missing_tool(os.environ):
        sys.exit(problem)
    before = set(Path(wheel_directory).glob("*.whl"))
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    command += ["--no-binary=horovod", "--no-cache-dir", "--require-hashes"]
    command += ["--wheel-dir", wheel_directory, "--requirement", str(FOLDER / "source.txt")]
    if subprocess.run(command, env=build_environment(os.environ)).returncode:
        sys.exit("Horovod could not be built: the lines above say why.")
    (wheel,) = set(Path(wheel_directory).glob("*.whl")) - before
    return wheel.name


def missing_tool(environment: Mapping[str, str]) -> str | None:
    """Says in one sentence which tool the build lacks; None if all are there."""
    path = environment.get("PATH", "")
    compilers = [environment["CXX"].split()[0]] if environment.get("CXX") else []
    compilers += ["c++", "g++", "clang++"]
    for tool, names in (("a C++ compiler", compilers), ("make", ["make", "gmake"])):
        if not any(shutil.which(name, path=path) for name in names):
            return (
                f"Horovod is compiled on this machine and needs {tool}, but none was found: "
                "install one (Debian and Ubuntu: apt-get install build-essential; "
                "macOS: xcode-select --install)."
            )
    return None


def build_environment(base: Mapping[str, str]) -> dict[str, str]:
    """The environment for Horovod's own ``setup.py``; what ``base`` asks for stays asked for."""
    jobs = min(os.cpu_count() or 1, MOST_JOBS)
    environment = {
        "CMAKE_POLICY_VERSION_MINIMUM": "3.5",  # CMake 4 refuses Gloo's older minimum without it
        "MAKEFLAGS": f"-j{jobs}",
        **base,
        "CMAKE_TOOLCHAIN_FILE": str(FOLDER / "cxx17.cmake"),
        "HOROVOD_WITH_PYTORCH": "1",
        "HOROVOD_WITH_GLOO": "1",
    }
    for part in OPTIONAL:
        if base.get(f"HOROVOD_WITH_{part}") != "1":
            environment[f"HOROVOD_WITHOUT_{part}"] = "1"
    if "UV_DEFAULT_INDEX" in base:  # pip fetches the source, whoever called us
        environment.setdefault("PIP_INDEX_URL", base["UV_DEFAULT_INDEX"])
    return environment
