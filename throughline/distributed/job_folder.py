"""The folder of a training: its checkpoint, its result, and what each worker has to say."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from throughline.distributed.shards import open_folder

CHECKPOINT = "checkpoint.pt"
JOB = "job.json"
RESULT = "result.json"
LOGS = "logs"
LAUNCHER_LOG = f"{LOGS}/launcher.log"


def log_name(rank: int) -> str:
    """The file of a worker's log, in the folder."""
    return f"{LOGS}/rank-{rank}.log"


def failure_name(rank: int) -> str:
    """The file that says why a worker ended."""
    return f"{LOGS}/rank-{rank}.failure.json"


class JobFolder:
    """A folder that all workers see, on this machine or on an object store.

    Args:
        uri: A path or a URI.
    """

    def __init__(self, uri: str | Path) -> None:
        self.uri = str(uri)
        self._files, self._path = open_folder(self.uri)

    @property
    def is_local(self) -> bool:
        """Whether files can be appended to and replaced, as on a disk."""
        return "file" in _protocols(self._files)

    def path(self, name: str) -> Path:
        """A file of a local folder."""
        return Path(self._path, name)

    def read(self, name: str) -> bytes | None:
        """A file's content; None if there is no such file."""
        try:
            return bytes(self._files.cat_file(self._at(name)))
        except FileNotFoundError:
            return None

    def text(self, name: str) -> str:
        """A file's text; empty if there is no such file."""
        return (self.read(name) or b"").decode("utf-8", errors="replace")

    def write(self, name: str, content: bytes) -> None:
        """Writes a file; until it is there as a whole, the one before is.

        Raises:
            OSError: It could not be written, for example since the disk is full.
        """
        if not self.is_local:
            self._files.pipe_file(self._at(name), content)  # an upload counts once it is complete
            return
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(target.name + ".draft")
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, target)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise

    def begin(self, job: str) -> None:
        """Removes what an earlier attempt said, but not its checkpoint, and writes the job down."""
        for name in (LOGS, RESULT):
            if self._files.exists(self._at(name)):
                self._files.rm(self._at(name), recursive=True)
        self.write(JOB, job.encode())
        if self.is_local:
            self.path(LOGS).mkdir(exist_ok=True)

    def clear(self) -> None:
        """Removes the folder."""
        if self._files.exists(self._path):
            self._files.rm(self._path, recursive=True)

    def log_artifacts(self, name: str) -> None:
        """Logs all files in the active run, below ``name``."""
        import mlflow

        if self.is_local:
            mlflow.log_artifacts(self._path, name)
            return
        with tempfile.TemporaryDirectory() as folder:
            self._files.get(self._path.rstrip("/") + "/", f"{folder}/", recursive=True)
            mlflow.log_artifacts(folder, name)

    def _at(self, name: str) -> str:
        return str(PurePosixPath(self._path, name))


def _protocols(files: Any) -> tuple[str, ...]:
    found = files.protocol
    return (found,) if isinstance(found, str) else tuple(found)
