"""How a worker's end is told to whoever started it: a file per worker that failed."""

import re
import time
from typing import Literal, NoReturn

from pydantic import BaseModel

from throughline.distributed.job_folder import LAUNCHER_LOG, JobFolder, failure_name, log_name
from throughline.errors import UserError

_EXITS = (
    # horovodrun, horovod.spark.run
    re.compile(r"^Process (?P<rank>\d+) exit with status code (?P<code>\d+)", re.MULTILINE),
    re.compile(r"Process name: (?P<rank>\d+)\s+Exit code: (?P<code>-?\d+)"),
    # mpirun, by which HorovodRunner starts workers
    re.compile(r"process rank (?P<rank>\d+) with PID .* exited on signal (?P<signal>\d+)"),
    # torchrun
    re.compile(r"rank\s+: (?P<rank>\d+) \(local_rank: \d+\)\s+exitcode\s+: (?P<code>-?\d+)"),
)
_STOPPED = (-15, 143)
"""What a launcher does to the workers that are left when one has failed."""
_USER_ERROR = re.compile(rf"^{UserError.__module__}\.UserError: (.*)$", re.MULTILINE)
"""The last line of a stack trace, in a log."""
_LOG_LINES = 20


class WorkerLost(RuntimeError):
    """Workers were killed, or their machine was lost: the training may do well without them.

    Attributes:
        count: How many.
    """

    def __init__(self, message: str, count: int = 1) -> None:
        super().__init__(message)
        self.count = count


class Failure(BaseModel):
    """Why a worker ended.

    Attributes:
        rank: The worker's rank.
        kind: ``user`` for a ``UserError``, ``lost`` when it lost another worker, ``killed`` for a
            worker that could not say why it ended, ``bug`` for everything else.
        message: One line.
        at: Seconds since 1970.
    """

    rank: int
    kind: Literal["user", "bug", "killed", "lost"]
    message: str
    at: float


def record_failure(folder: JobFolder, rank: int, error: Exception) -> None:
    """Writes down why this worker ends."""
    failure = Failure(rank=rank, kind=_kind(error), message=_message(error), at=time.time())
    folder.write(failure_name(rank), failure.model_dump_json().encode())


def _kind(error: Exception) -> Literal["user", "bug", "lost"]:
    if isinstance(error, UserError):
        return "user"
    return "lost" if lost_another(error) else "bug"


def lost_another(error: Exception) -> bool:
    """Whether an error says that the connection to another worker broke."""
    name, text = type(error).__name__, str(error)
    if name in ("HorovodInternalError", "DistBackendError"):
        return True
    if name == "UnknownError":  # TensorFlow's, of an operation of Horovod's
        return "Horovod" in text
    # torch's Gloo has no exception of its own
    return isinstance(error, RuntimeError) and "gloo/transport" in text


def _message(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}"


def raise_failure(folder: JobFolder, workers: int, said: str = "") -> NoReturn:
    """Raises what ended a training: the first worker that failed by itself.

    When one worker ends, the others fail too, because they lose it or are stopped; those come last.

    Args:
        folder: The training's folder.
        workers: How many there were.
        said: What the launcher said, where it has no log in the folder.

    Raises:
        UserError: A worker's ``UserError``.
        WorkerLost: A worker was killed; the message has its rank and the last lines of its log.
        RuntimeError: Anything else, likewise.
    """
    said = said or folder.text(LAUNCHER_LOG)
    failures = recorded_failures(folder, workers)
    failures += _silent(folder, said, workers, failures)
    if not failures:
        raise RuntimeError(f"the launcher ended before any worker did; it said:\n{_tail(said)}")
    order = ("user", "bug", "killed", "lost")
    cause = min(failures, key=lambda failure: (order.index(failure.kind), failure.at))
    if cause.kind == "user":
        raise UserError(cause.message)
    log = log_name(cause.rank)
    message = (
        f"worker {cause.rank} of {workers} failed: {cause.message}; its log "
        f"{folder.uri}/{log} ends with:\n{_tail(folder.text(log))}"
    )
    if cause.kind == "bug":
        raise RuntimeError(message)
    raise WorkerLost(message, max(1, sum(failure.kind == "killed" for failure in failures)))


def recorded_failures(folder: JobFolder, workers: int) -> list[Failure]:
    """What workers that failed wrote down, by rank."""
    found = [folder.read(failure_name(rank)) for rank in range(workers)]
    return [Failure.model_validate_json(text) for text in found if text]


def ended_workers(said: str) -> dict[int, int]:
    """The workers that failed, by what a launcher said: exit codes by rank, as they ended."""
    found: dict[int, int] = {}
    for pattern in _EXITS:
        for match in pattern.finditer(said):
            groups = match.groupdict()
            code = int(groups.get("code") or 128 + int(groups.get("signal") or 0))
            found.setdefault(int(match["rank"]), code)
    return found


def _silent(folder: JobFolder, said: str, workers: int, recorded: list[Failure]) -> list[Failure]:
    """Workers that left no word, by what the launcher says of them, first the one that ended first.

    Where it says nothing, and all others were lost to somebody, it was one of those without a word.
    """
    known = {failure.rank for failure in recorded}
    found: dict[int, Failure] = {}
    for rank, code in ended_workers(said).items():
        if rank not in known:
            found[rank] = _of_code(folder, rank, code, len(found))
    if recorded and not found and all(failure.kind == "lost" for failure in recorded):
        for rank in sorted(set(range(workers)) - known):
            message = "it ended without a word"
            found[rank] = Failure(rank=rank, kind="killed", message=message, at=rank)
    return list(found.values())


def _of_code(folder: JobFolder, rank: int, code: int, place: int) -> Failure:
    """A worker that could not write down why it ended; its log may say so."""
    number = -code if code < 0 else code - 128
    if number > 0:
        kind: Literal["killed", "lost"] = "lost" if code in _STOPPED else "killed"
        return Failure(rank=rank, kind=kind, message=f"killed by signal {number}", at=place)
    if match := _USER_ERROR.search(folder.text(log_name(rank))):
        return Failure(rank=rank, kind="user", message=match[1], at=place)
    return Failure(rank=rank, kind="bug", message=f"exit code {code}", at=place)


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-_LOG_LINES:])
