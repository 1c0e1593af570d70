"""Makes the project's environment, ``.venv``, with only Python 3.11 and a C++ compiler at hand.

Standard library only, and nothing of throughline: this runs before anything is installed. The
environment is what ``requirements.lock`` and ``requirements-dev.txt`` pin, and Horovod, compiled
from ``packaging/horovod``. A stamp in ``.venv``, written last, holds the digest of all that, so
that a finished environment is found again in milliseconds and an interrupted one is made anew.
"""

import ast
import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

FOLDER = ".venv"
STAMP = "throughline-environment"
UNFINISHED = "unfinished\n"
TOOLS = "requirements-dev.txt"
"""The tools of the tests; a project without this file, as in an image, has none."""
INPUTS = ("requirements.lock", TOOLS, "packaging/horovod")

PIP_TO_UV = {
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
}
"""uv reads none of pip's settings: who has set up pip has set up this, too."""


class BootstrapError(Exception):
    """The environment cannot be made: one sentence, and the exit code of the command line.

    Attributes:
        code: 2 for what the user can mend beforehand, 1 for an installation that failed.
    """

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.code = code


def ensure(project: Path) -> Path:
    """Makes the environment unless it is there and fresh.

    Args:
        project: The project's root, an absolute path.

    Returns:
        The environment's folder of programs, ``<project>/.venv/bin``.

    Raises:
        BootstrapError: If a tool is missing, ``.venv`` is somebody else's, or a step failed.
    """
    venv = project / FOLDER
    if not is_fresh(venv, project):
        with only_one(project):
            if not is_fresh(venv, project):  # another process may just have made it
                _check_before(venv, os.environ)
                _build(venv, project)
    return venv / "bin"


def is_fresh(venv: Path, project: Path) -> bool:
    """Whether the environment was finished for exactly these inputs."""
    return _stamp(venv) == digest(project)


def digest(project: Path) -> str:
    """The hash of all that decides what the environment holds.

    The project's path is part of it: the programs in an environment name their own folder.
    """
    parts = hashlib.sha256(f"{platform.python_version()} {platform.machine()} {project}".encode())
    for name in INPUTS:
        path = project / name
        for file in sorted(path.glob("*.*")) if path.is_dir() else [path] * path.exists():
            parts.update(f"\n{file.relative_to(project)}\n".encode() + file.read_bytes())
    return parts.hexdigest()


def uv_settings(environment: Mapping[str, str], pip_config: str = "") -> dict[str, str]:
    """What pip was told about where packages are, in uv's terms.

    Args:
        environment: The process's environment; what it says to uv itself wins, then to pip.
        pip_config: The output of ``pip config list``.
    """
    configured = dict(line.split("=", 1) for line in pip_config.splitlines() if "=" in line)
    settings = {}
    for pip_name, uv_name in PIP_TO_UV.items():
        option = "global." + pip_name.removeprefix("PIP_").lower().replace("_", "-")
        value = environment.get(pip_name) or ast.literal_eval(configured.get(option, "''"))
        if value and not environment.get(uv_name):
            settings[uv_name] = ",".join(value.split())  # pip parts a list by blanks, uv by commas
    return settings


def locked(lock: str, name: str) -> str:
    """One package's pin and its hashes, as they stand in the text of a lock file."""
    lines = iter(lock.splitlines())
    entry = [next(line for line in lines if line.startswith(f"{name}=="))]
    while entry[-1].endswith("\\"):
        entry.append(next(lines))
    return "\n".join(entry) + "\n"


def missing_tool(environment: Mapping[str, str]) -> str | None:
    """Names what compiling Horovod needs and this machine lacks; None if all is there."""
    path = environment.get("PATH", "")
    compilers = [*environment.get("CXX", "").split()[:1], "c++", "g++", "clang++"]
    for tool, names in (("C++ compiler", compilers), ("make", ["make", "gmake"])):
        if not any(shutil.which(name, path=path) for name in names):
            return tool
    return None


def say(line: str) -> None:
    """Prints a line of progress."""
    print(f"throughline: {line}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def only_one(project: Path) -> Iterator[None]:
    """Holds the project's lock file; the system lets go of it however the process ends."""
    with (project / ".venv.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that is preparing this folder ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _stamp(venv: Path) -> str | None:
    try:
        return (venv / STAMP).read_text(encoding="utf-8")
    except OSError:
        return None


def _check_before(venv: Path, environment: Mapping[str, str]) -> None:
    """Finds what would stop the build, before anything is downloaded or removed."""
    if tool := missing_tool(environment):
        raise BootstrapError(
            f"no {tool} was found, and Horovod has to be compiled: install one (Debian and Ubuntu: "
            "apt-get install build-essential; macOS: xcode-select --install) and run this again."
        )
    if venv.exists() and _stamp(venv) is None and any(venv.iterdir()):
        raise BootstrapError(
            f"{venv} exists and was not made by this command: move it away and run this again."
        )


def _build(venv: Path, project: Path) -> None:
    started = time.monotonic()
    say("building the environment in .venv: 3 to 6 minutes the first time, seconds afterwards.")
    say("[1/4] an empty environment")
    shutil.rmtree(venv, ignore_errors=True)
    venv.mkdir()
    (venv / STAMP).write_text(UNFINISHED, encoding="utf-8")  # ours, should we be interrupted
    python = str(venv / "bin" / "python")
    hint = "if it says that ensurepip is missing, install python3.11-venv"
    _step([sys.executable, "-m", "venv", str(venv)], hint=hint)
    say("[2/4] the packages of requirements.lock, checked against their hashes")
    _install_uv(python, (project / "requirements.lock").read_text(encoding="utf-8"))
    config = subprocess.run(
        [python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    settings = uv_settings(os.environ, config)
    install = [str(venv / "bin" / "uv"), "pip", "install", "--python", python]
    # A process that compiles MLflow on the way takes three times as long to import it, and each
    # does so again where PYTHONDONTWRITEBYTECODE is set, or where it may not write.
    install.append("--compile-bytecode")
    if not sys.stderr.isatty():
        install.append("--quiet")  # errors are still shown
    _step([*install, "-r", str(project / "requirements.lock")], settings)
    if (project / TOOLS).exists():
        say("[3/4] the tools of the tests")
        _step([*install, "-r", str(project / TOOLS)], settings)
    say("[4/4] Horovod, compiled on this machine: 2 to 3 minutes on two cores")
    _install_horovod(install, project, settings)
    (venv / STAMP).write_text(digest(project), encoding="utf-8")
    say(f"the environment is ready, after {time.monotonic() - started:.0f} s.")


def _install_uv(python: str, lock: str) -> None:
    """Installs the locked uv with pip, from a file of its own: pip wants a hash on every line."""
    with tempfile.TemporaryDirectory() as folder:
        pin = Path(folder, "uv.txt")
        pin.write_text(locked(lock, "uv"), encoding="utf-8")
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        _step([*pip, "--require-hashes", "--no-deps", "-r", str(pin)])


def _install_horovod(install: list[str], project: Path, settings: Mapping[str, str]) -> None:
    """Names the folder in a file: one on the command line uv would compile again each time."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "horovod.txt")
        source.write_text(f"{project / 'packaging' / 'horovod'}\n", encoding="utf-8")
        _step([*install, "-r", str(source)], settings)


def _step(command: list[str], settings: Mapping[str, str] | None = None, hint: str = "") -> None:
    environment = {**os.environ, **(settings or {})}
    environment.pop("PYTHONHOME", None)
    code = subprocess.run(command, env=environment, check=False).returncode
    if code:
        reason = (
            hint or "if it could not reach a package index, check the network and pip's settings"
        )
        raise BootstrapError(
            f"the environment could not be built: `{' '.join(command)}` ended with code {code} and "
            f"said why above; {reason}; then run this again.",
            code=1,
        )
