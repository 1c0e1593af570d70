"""Faults of the machine under a step, each as a sentence that says what to do.

They are no mistake of a person, but a person can mend them, and a stack trace does not say how.
"""

import contextlib
import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterator

from throughline.login import without_login

_FULL = ("No space left on device", "database or disk is full", "Disk quota exceeded")
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)
_BROKEN = ("Py4JError", "Py4JNetworkError", "ConnectionRefusedError", "ConnectionResetError")
"""What a call of Spark raises when nobody answers it; an error in Spark is a Py4JJavaError."""
_LOGGED_OUT = ("ClientAuthenticationError", "CredentialUnavailableError")
"""What azure-identity raises when there is no token any more."""
_END_SECONDS = 5
_UNREACHED = re.compile(r"API request to \S+ failed with (timeout )?exception")  # MLflow's words


def sentence_of(error: BaseException) -> str | None:
    """What fault an exception comes from; None where it is none that is known here.

    Args:
        error: What ended a step. What it was raised from counts as well.
    """
    errors = list(_chain(error))
    if any(_is_full(one) for one in errors):
        return (
            "The disk is full; free some space and run the same command again: steps that finished "
            f"are kept ({_line(next(filter(_is_full, errors)))})."
        )
    if isinstance(error, OSError) and error.errno in _REFUSED and error.filename:
        return (
            f"{error.filename} cannot be read or written ({error.strerror}); give this user the "
            "right, or name another place, such as another data_root."
        )
    if (code := _java_ended(errors)) is not None:
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        memory = os.environ.get("THROUGHLINE_SPARK_MEMORY", "3g")
        return (
            f"Spark's Java process ended in the middle of the work ({how}); if it was out of "
            f"memory, set THROUGHLINE_SPARK_MEMORY above {memory}; then run the same command again."
        )
    if any(_UNREACHED.search(str(one)) for one in errors):
        server = without_login(os.environ.get("MLFLOW_TRACKING_URI", ""))
        return (
            f"The tracking server {server} does not answer any more; start it and run the same "
            "command again: steps that finished are kept."
        )
    if any(type(one).__name__ in _LOGGED_OUT for one in errors):
        return (
            "Azure no longer lets this process log in; see that the secret or az login still "
            "holds, and run the same command again: steps that finished are kept."
        )
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(words in str(error) for words in _FULL)


def _java_ended(errors: list[BaseException]) -> int | None:
    """The exit code of this process's own Spark; None if it has none, or that lives.

    The connection to a Spark that was killed may break a moment before its process has ended.
    """
    if (pyspark := sys.modules.get("pyspark")) is None:
        return None
    process = getattr(pyspark.SparkContext._gateway, "proc", None)
    if process is None:
        return None
    if any(type(one).__name__ in _BROKEN for one in errors):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
    code: int | None = process.poll()
    return code


def _line(error: BaseException) -> str:
    """The line of an error's text that tells it."""
    lines = str(error).splitlines() or [""]
    told = next((one for one in lines if any(words in one for words in _FULL)), lines[0]).strip()
    return told if len(told) <= 200 else f"{told[:200]}..."
