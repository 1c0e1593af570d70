"""Azurite, Microsoft's own server of Azure Blob Storage for tests, from npm."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VERSION = "3.35.0"  # later ones want Node.js 22
ACCOUNT = "testaccount"
KEY = base64.b64encode(b"the key of the tests, of any length").decode()
_FOLDER = Path(__file__).parents[2] / "build" / f"azurite-{VERSION}"
_SECONDS = 60.0
_LEFT_OUT = ("tedious", "mysql2", "applicationinsights")
"""For its SQL stores and its telemetry, which no test uses: most of an installation."""


@contextmanager
def azurite(data: Path) -> Iterator[str]:
    """Runs the server; gives the connection string of its one account.

    The test is skipped where npm is missing or cannot install.
    """
    script = _installed()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["node", str(script), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--location", str(data), "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with (data.parent / "azurite.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=data)
    try:
        _wait(server, port)
        yield (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        )
    finally:
        server.terminate()
        server.wait(10)


def _installed() -> Path:
    script = Path("node_modules/azurite/dist/src/blob/main.js")
    if (_FOLDER / script).exists():
        return _FOLDER / script
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("Azurite comes from npm, and npm and node are not here")
    unfinished = _FOLDER.with_name(f"{_FOLDER.name}.{os.getpid()}")
    _write_package(unfinished)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional"]
    done = subprocess.run(
        ["timeout", "240", *command], cwd=unfinished, capture_output=True, text=True
    )
    if done.returncode:
        shutil.rmtree(unfinished)
        pytest.skip(f"npm cannot install Azurite: {done.stderr.strip()[-300:] or 'it took 240 s'}")
    try:
        unfinished.rename(_FOLDER)
    except OSError:  # another process of the tests was faster
        shutil.rmtree(unfinished)
    return _FOLDER / script


def _write_package(folder: Path) -> None:
    empty = folder / "empty"
    empty.mkdir(parents=True)
    (empty / "package.json").write_text(json.dumps({"name": "empty", "version": "1.0.0"}))
    (empty / "index.js").touch()
    overrides = dict.fromkeys(_LEFT_OUT, "file:empty")
    package = {"private": True, "dependencies": {"azurite": VERSION}, "overrides": overrides}
    (folder / "package.json").write_text(json.dumps(package))


def _wait(server: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"Azurite did not start (exit code {server.poll()})")
