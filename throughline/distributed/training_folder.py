"""Where a training keeps its checkpoint until it has ended well."""

import fcntl
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from throughline.distributed.job import TrainingJob
from throughline.distributed.job_folder import CHECKPOINT, JobFolder
from throughline.errors import UserError
from throughline.not_found import is_not_found
from throughline.tracking import find_run

logger = logging.getLogger(__name__)


@contextmanager
def training_folder(
    table: str, job: TrainingJob, resume: str, *, workers: int = 1, keep: bool = True
) -> Iterator[JobFolder]:
    """Gives a training its folder, beside the prepared table; it is removed at a good end.

    A training that was ended leaves its checkpoint there, and the next one that is the same goes on
    from it; one of more workers or fewer epochs would have come elsewhere. Two of them at a time on
    one machine do not share a folder; on an object store, where nothing can be locked, they would.

    Args:
        table: The URI of the prepared table.
        job: The training.
        resume: ``auto`` to go on, ``none`` to start anew, or a run's id to start from that run's
            checkpoint.
        workers: How many there are to be.
        keep: Whether the folder stays when the training is ended.

    Raises:
        UserError: The run has no checkpoint.
    """
    wanted = JobFolder(f"{table}.training/{job.digest()}-{workers}")
    with _own(wanted) as folder:
        content = None if resume in ("auto", "none") else _checkpoint_of(resume)
        if resume != "auto":
            folder.clear()
        if content is not None:
            folder.write(CHECKPOINT, content)
        try:
            yield folder
        except BaseException:
            if not keep or folder is not wanted:
                folder.clear()  # nobody would look for it
            elif folder.read(CHECKPOINT):
                told = "the same command goes on from it while code and lock are the same"
                logger.info("the checkpoint stays in %s: %s", folder.uri, told)
            raise
        folder.clear()


def _checkpoint_of(run_id: str) -> bytes:
    import mlflow
    from mlflow.exceptions import MlflowException

    run, path = find_run(run_id, "resume"), f"training/{CHECKPOINT}"
    files: list[str] = []
    try:
        found = mlflow.MlflowClient().list_artifacts(run_id, "training")
        files = [file.path for file in found]
    except (MlflowException, OSError) as error:
        if not is_not_found(error):
            raise
    if path not in files:
        raise UserError(
            f"The run {run_id!r} has no checkpoint to start from; give resume a run of "
            "distributed_train, or 'auto' or 'none'."
        )
    # By the run's id, MLflow would take a server that does not answer for a lack of the file.
    return Path(mlflow.artifacts.download_artifacts(f"{run.info.artifact_uri}/{path}")).read_bytes()


@contextmanager
def _own(folder: JobFolder) -> Iterator[JobFolder]:
    """The folder, or one beside it while another process trains in it."""
    if not folder.is_local:
        yield folder
        return
    path = folder.path(".")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f"{path.name}.lock")
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield JobFolder(f"{folder.uri}-{uuid.uuid4().hex[:8]}")
            return
        except OSError:
            logger.debug("%s cannot be locked", lock)  # some network file systems cannot
        try:
            yield folder
        finally:
            lock.unlink(missing_ok=True)
            with suppress(OSError):
                path.parent.rmdir()  # where no other training left anything
