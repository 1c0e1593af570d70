"""What the local target remembers of an endpoint: one small JSON file, written whole or not."""

import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from throughline.deployment.limits import Limits
from throughline.deployment.process import ServerProcess
from throughline.deployment.target import ModelVersion

logger = logging.getLogger(__name__)

_END_SECONDS = 10.0
"""How long a server that has answered everything may take to end."""


@dataclass(frozen=True)
class EndpointState:
    """An endpoint that was started: which version, from which folder, where and as what process."""

    model: ModelVersion
    path: str
    host: str
    port: int
    process: ServerProcess
    log: str
    token: str = ""
    """The fingerprint of the token that it asks for; empty if it asks for none."""
    limits: Limits = Limits()
    """What it takes on."""
    before: "EndpointState | None" = None
    """The endpoint whose place it is taking; None once that is done."""
    ending: bool = False
    """Whether it may have been told to end: it then takes no more requests."""

    def running(self) -> "EndpointState | None":
        """This endpoint if its server runs; else the one before if that still does."""
        if self.process.find():
            return self
        return self.before.running() if self.before else None

    def paths(self) -> list[str]:
        """The folders with the models of this endpoint and of the one before."""
        return [self.path, *(self.before.paths() if self.before else ())]

    def drain(self) -> None:
        """Ends the server once it has answered what it has been asked; another takes its port."""
        self.process.end(self.limits.request_seconds + _END_SECONDS)

    @property
    def url(self) -> str:
        """The endpoint's address, as this machine reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class StateFolder:
    """The state files, logs and models of the endpoints of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._models = folder / "models"

    def path(self, name: str) -> Path:
        """The state file of a model's endpoint."""
        return self.folder / f"{quote(name, safe='')}.json"

    def log(self, model: ModelVersion) -> Path:
        """The log file of a version's server."""
        return self.folder / f"{quote(model.name, safe='')}-{model.version}.log"

    def files(self, model: ModelVersion) -> Path:
        """A new folder for a version's files; one that no endpoint names goes with the lock."""
        self._models.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"version-{model.version}-", dir=self._models))

    def read(self, name: str) -> EndpointState | None:
        """Returns the remembered endpoint of a model, or None."""
        return _parse(self.path(name))

    def all(self) -> list[EndpointState]:
        """Returns every remembered endpoint, dead ones too."""
        states = [_parse(path) for path in sorted(self.folder.glob("*.json"))]
        return [state for state in states if state is not None]

    def write(self, state: EndpointState) -> None:
        """Replaces the state file in one step: a reader sees the old one or the new one."""
        path = self.path(state.model.name)
        scratch = path.with_suffix(f".{os.getpid()}.tmp")
        scratch.write_text(json.dumps(asdict(state), indent=2) + "\n", encoding="utf-8")
        scratch.replace(path)

    def remove(self, name: str) -> None:
        """Forgets an endpoint; nothing happens if there is none."""
        self.path(name).unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lets one process at a time change the endpoints of this folder; the others wait.

        Two deployments at once would each overwrite the other's state and leave a server that
        nobody remembers.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                self._remove_unused_files()

    def _remove_unused_files(self) -> None:
        # by its name, which is no other's: a container may know this folder by another path
        used = {part for state in self.all() for path in state.paths() for part in Path(path).parts}
        for folder in self._models.glob("*"):
            if folder.name not in used:
                shutil.rmtree(folder, ignore_errors=True)


def _parse(path: Path) -> EndpointState | None:
    try:
        return _endpoint(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        logger.warning("%s is not the state of an endpoint and is ignored: %s", path, error)
        return None


def _endpoint(fields: dict[str, Any]) -> EndpointState:
    model = ModelVersion(**fields.pop("model"))
    process = ServerProcess(**fields.pop("process"))
    limits = Limits(**fields.pop("limits", {}))
    before = _endpoint(fields.pop("before")) if fields.get("before") else None
    parts = {"model": model, "process": process, "limits": limits, "before": before}
    return EndpointState(**{**fields, **parts})
