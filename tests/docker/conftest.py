"""A Docker engine, a base image and the project's image; skipped, with the reason, without them.

Where no engine answers, one is started from ``dockerd`` with a data root and a socket of its own.
Where the base image cannot be pulled, one is made with ``debootstrap``. On Debian both come with
``apt-get install --no-install-recommends docker.io debootstrap iptables``. Needs about 15 GB.
"""

import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
BASE = "debian:bookworm-slim"
IMAGE = "throughline:test"
PORT = 38765
CERTIFICATES = Path("/usr/local/share/ca-certificates")
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


@dataclass
class Engine:
    """The command line of an engine.

    Attributes:
        host: Its DOCKER_HOST; empty for the machine's own.
        build_arguments: What every build gets besides.
    """

    host: str
    build_arguments: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | ({"DOCKER_HOST": self.host} if self.host else {})

    def __call__(self, *arguments: str, check: bool = True) -> str:
        """Runs ``docker`` and returns what it printed."""
        done = subprocess.run(
            ["docker", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            cwd=PROJECT,
        )
        if check and done.returncode:
            raise AssertionError(
                f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}"[-6000:]
            )
        return done.stdout + done.stderr

    def build(self, tag: str) -> float:
        """Builds the project's image; returns the seconds."""
        started = time.monotonic()
        self("build", "--network", "host", "-t", tag, *self.build_arguments, ".")
        return time.monotonic() - started


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that answers: the machine's own, or one that is started here."""
    if shutil.which("docker") is None:
        pytest.skip("NO DOCKER TESTS: there is no command docker")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        yield Engine("")
        return
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        pytest.skip("NO DOCKER TESTS: no engine answers, and dockerd is not here to be started")
    folder = Path(os.environ.get("THROUGHLINE_DOCKER_ROOT") or tmp_path_factory.mktemp("docker"))
    folder.mkdir(parents=True, exist_ok=True)
    host = f"unix://{folder}/docker.sock"
    options = ["-H", host, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    with (folder / "dockerd.log").open("w") as log:
        daemon = subprocess.Popen(
            ["dockerd", *options, "--pidfile", f"{folder}/pid"], stdout=log, stderr=log
        )
    started = Engine(host)
    deadline = time.monotonic() + 60
    while "Server Version" not in started("info", check=False):
        if daemon.poll() is not None or time.monotonic() > deadline:
            said = (folder / "dockerd.log").read_text()[-500:]
            daemon.terminate()
            pytest.skip(f"NO DOCKER TESTS: dockerd could not be started here: {said}")
        time.sleep(0.2)
    yield started
    daemon.terminate()
    daemon.wait(60)


@pytest.fixture(scope="session")
def base(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The base image: what the engine has, pulls, or is given from ``debootstrap``."""
    if engine("images", "-q", BASE).strip() or "Status" in engine("pull", BASE, check=False):
        return BASE
    if shutil.which("debootstrap") is None:
        pytest.skip(f"NO DOCKER TESTS: {BASE} cannot be pulled, and debootstrap is not here")
    root = tmp_path_factory.mktemp("base") / "root"
    packages = "--include=ca-certificates"
    subprocess.run(
        ["debootstrap", "--variant=minbase", packages, "bookworm", str(root)],
        check=True,
        capture_output=True,
    )
    if CERTIFICATES.exists():  # this machine's own: the network that builds use may want them
        shutil.copytree(CERTIFICATES, root / CERTIFICATES.relative_to("/"), dirs_exist_ok=True)
        subprocess.run(["chroot", str(root), "update-ca-certificates"], check=True)
    variables = [f"--change=ENV {name}={BUNDLE}" for name in ("PIP_CERT", "SSL_CERT_FILE")]
    archive = root.with_suffix(".tar")
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
    engine("import", *variables, str(archive), BASE)
    archive.unlink()
    return BASE


@pytest.fixture(scope="session")
def image(engine: Engine, base: str) -> Iterator[str]:
    """The project's image, built as the README says."""
    with wheels() as address:
        engine.build_arguments += ["--build-arg", f"PIP_FIND_LINKS={address}"] if address else []
        engine.build(IMAGE)
        yield IMAGE


class wheels:  # noqa: N801 (a context manager)
    """Serves the folder that PIP_FIND_LINKS names, since a build sees no folder of this machine."""

    def __enter__(self) -> str:
        self.server = None
        folder = os.environ.get("PIP_FIND_LINKS", "")
        if not Path(folder).is_dir() or not folder:
            return folder
        handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
        # the address is a part of what Docker keeps a built layer by: the same each time
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}/"

    def __exit__(self, *_: object) -> None:
        if self.server:
            self.server.shutdown()


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """Lets MLflow's own calls of ``python`` and ``docker`` find this environment."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
