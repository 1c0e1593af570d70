"""How a worker's end is told to whoever started it: a file per worker that failed."""

import re
import time
from pathlib import Path
from typing import Literal, NoReturn

from pydantic import BaseModel

from throughline.errors import UserError

_EXIT_LINE = re.compile(r"^Process (\d+) exit with status code (\d+)", re.MULTILINE)
_LOG_LINES = 20


class Failure(BaseModel):
    """Why a worker ended.

    Attributes:
        rank: The worker's rank.
        kind: ``user`` for a ``UserError``, ``lost`` when Horovod lost another worker, ``killed``
            for a worker that could not say why it ended, ``bug`` for everything else.
        message: One line.
        at: Seconds since 1970.
    """

    rank: int
    kind: Literal["user", "bug", "killed", "lost"]
    message: str
    at: float


def log_file(output: Path, rank: int) -> Path:
    """Where a worker's log is kept."""
    return output / "logs" / f"rank-{rank}.log"


def launcher_log(output: Path) -> Path:
    """Where the log of horovodrun itself is kept."""
    return output / "logs" / "horovodrun.log"


def _file(output: Path, rank: int) -> Path:
    return output / "logs" / f"rank-{rank}.failure.json"


def record_failure(output: Path, rank: int, error: Exception) -> None:
    """Writes down why this worker ends."""
    failure = Failure(rank=rank, kind=_kind(error), message=_message(error), at=time.time())
    _file(output, rank).write_text(failure.model_dump_json(), encoding="utf-8")


def _kind(error: Exception) -> Literal["user", "bug", "lost"]:
    if isinstance(error, UserError):
        return "user"
    return "lost" if type(error).__name__ == "HorovodInternalError" else "bug"


def _message(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}"


def raise_failure(output: Path, workers: int) -> NoReturn:
    """Raises what ended a training: the first worker that failed by itself.

    When one worker ends, the others fail too, because they lose it or are stopped; those come last.

    Raises:
        UserError: A worker's ``UserError``.
        RuntimeError: Anything else, with the worker's rank and the last lines of its log.
    """
    failures = _recorded(output, workers) + _killed(output, workers)
    if not failures:
        raise RuntimeError(f"horovodrun ended before any worker did; {_tail(launcher_log(output))}")
    order = ("user", "bug", "killed", "lost")
    cause = min(failures, key=lambda failure: (order.index(failure.kind), failure.at))
    if cause.kind == "user":
        raise UserError(cause.message)
    raise RuntimeError(
        f"worker {cause.rank} of {workers} failed: {cause.message}; "
        f"{_tail(log_file(output, cause.rank))}"
    )


def _recorded(output: Path, workers: int) -> list[Failure]:
    files = [file for rank in range(workers) if (file := _file(output, rank)).is_file()]
    return [Failure.model_validate_json(file.read_text(encoding="utf-8")) for file in files]


def _killed(output: Path, workers: int) -> list[Failure]:
    """Workers that ended with an error and left no word, in the order in which they ended."""
    lines = _EXIT_LINE.findall(_read(launcher_log(output)))
    silent = [(int(rank), code) for rank, code in lines if not _file(output, int(rank)).is_file()]
    return [
        Failure(rank=rank, kind="killed", message=_exit(int(code)), at=position)
        for position, (rank, code) in enumerate(silent)
    ]


def _exit(code: int) -> str:
    return f"killed by signal {code - 128}" if code > 128 else f"exit code {code}"


def _tail(log: Path) -> str:
    lines = _read(log).splitlines()[-_LOG_LINES:]
    return f"its log {log} ends with:\n" + "\n".join(lines)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
