"""A worker: trains a job in a process of its own, which a launcher started for it.

``python -m throughline.distributed.worker horovod job.json`` under horovodrun, ``... torch ...``
under torchrun; on a cluster the launcher calls ``run_worker``.
"""

import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from throughline.distributed.failure import record_failure
from throughline.distributed.job import TrainingJob
from throughline.distributed.job_folder import JobFolder, log_name

logger = logging.getLogger(__name__)

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
LOG_TIME = "%H:%M:%S"


def run_worker(job: str, backend: str, environment: Mapping[str, str] | None = None) -> None:
    """Trains as one of the workers, and ends the process at once if that fails.

    Args:
        job: The job, as JSON.
        backend: What connects the workers: ``horovod`` or ``torch``.
        environment: Variables to set on a machine of a cluster, such as the tracking store's; None
            on the machine that launched this.
    """
    os.environ.update(environment or {})
    rank = _rank(backend)
    training = TrainingJob.model_validate_json(job)
    folder = JobFolder(training.output)
    ended_well = False
    try:
        with _log_in(folder, rank):
            try:
                _train(training, backend, on_cluster=environment is not None)
                ended_well = True
            except Exception as error:
                logger.exception("worker %d ends", rank)
                record_failure(folder, rank, error)
    finally:
        if not ended_well:
            # A clean end would wait for the other workers, which may wait for this one.
            sys.stderr.flush()
            os._exit(1)


def _rank(backend: str) -> int:
    """This worker's number, before anything is imported that may fail."""
    if backend == "torch":
        return int(os.environ["RANK"])
    from horovod.runner.common.util.env import get_env_rank_and_size  # of Gloo or of MPI

    return int(get_env_rank_and_size()[0])


@contextmanager
def _log_in(folder: JobFolder, rank: int) -> Iterator[None]:
    """Keeps the worker's log in the folder.

    On a disk all output goes there, that of libraries in C too. An object store gets the log when
    the worker ends; until then the first worker speaks through whoever launched it.
    """
    if folder.is_local:
        file = folder.path(log_name(rank))
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
        _start_logging(logging.StreamHandler(sys.__stderr__))
        yield
        return
    with tempfile.TemporaryDirectory() as temporary:
        kept = Path(temporary, "log")
        aloud = [logging.StreamHandler(sys.__stderr__)] if rank == 0 else []
        _start_logging(logging.FileHandler(kept), *aloud)
        try:
            yield
        finally:
            folder.write(log_name(rank), kept.read_bytes())


def _start_logging(*handlers: logging.Handler) -> None:
    logging.basicConfig(
        level=logging.INFO, format=LOG_FORMAT, datefmt=LOG_TIME, force=True, handlers=handlers
    )
    # What Petastorm says about reading footers is neither news nor a problem.
    logging.getLogger("petastorm").setLevel(logging.WARNING)


def _train(job: TrainingJob, backend: str, on_cluster: bool) -> None:
    from throughline.distributed.group import group_of
    from throughline.distributed.system_metrics import system_metrics
    from throughline.distributed.training import train

    def with_those_there() -> None:
        with group_of(backend, job.library) as group:
            # On one machine the launcher's process logs what it does.
            speaks_for_node = on_cluster and group.local_rank == 0
            with system_metrics(job.run_id if speaks_for_node else None, of_node=True):
                train(job, group)

    if backend == "horovod":
        from throughline.distributed.elastic import train_elastically
        from throughline.distributed.horovod_group import is_elastic

        if is_elastic():
            train_elastically(with_those_there, job.library, JobFolder(job.output))
            return
    with_those_there()


def _end_with(parent: int) -> None:
    """Ends this process when whoever started it is gone, however that ended."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    run_worker(Path(sys.argv[2]).read_text(encoding="utf-8"), sys.argv[1])
