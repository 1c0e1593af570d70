"""The launcher for a Spark cluster: ``horovod.spark.run``, each worker beside a task of Spark's."""

import contextlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from throughline.checkout import project_root, write_zip
from throughline.distributed.following import following
from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.distributed.job_folder import LAUNCHER_LOG, JobFolder
from throughline.distributed.local_processes import result_of, tracking_environment
from throughline.distributed.shards import plan_shards, row_group_rows
from throughline.errors import UserError
from throughline.spark import is_local, session, workers_have_package

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

_CREDENTIALS = ("DATABRICKS_", "MLFLOW_TRACKING_", "MLFLOW_S3_", "AWS_", "AZURE_")
"""How the variables begin by which a worker elsewhere reaches the tracking store and the rows."""


def launch(job: TrainingJob, workers: int) -> TrainingResult:
    """Trains with one worker per task of Spark.

    Raises:
        UserError: Spark has too few places, the workers' folder is not seen here, or a worker's
            ``UserError``.
        RuntimeError: A worker failed otherwise; the message has its rank and its log's last lines.
    """
    import horovod.spark

    spark = session()
    with (
        workers_on_spark(spark, job, workers) as folder,
        _output(folder) as stream,
        _quiet_threads(),
        own_signals(),
    ):
        horovod.spark.run(
            worker_of(spark),
            args=worker_arguments(job),
            num_proc=workers,
            use_gloo=True,
            verbose=0,
            stdout=stream,
            stderr=stream,
        )
    return result_seen(folder, workers)


@contextlib.contextmanager
def workers_on_spark(spark: "SparkSession", job: TrainingJob, workers: int) -> Iterator[JobFolder]:
    """In the block, which starts the workers: their folder, and the first one's log lines.

    Raises:
        UserError: Spark has too few places, or the rows too few for the workers; before the block.
            After it, a worker's ``UserError``.
        RuntimeError: A worker failed otherwise; the message has its rank and its log's last lines.
    """
    plan_shards(row_group_rows(job.train), workers, job.batch_size)
    places = spark.sparkContext.defaultParallelism
    if is_local(spark) and workers > places:
        raise UserError(
            f"Spark has {places} places here, too few for {workers} workers at a time; ask for at "
            f"most {places}."
        )
    folder = JobFolder(job.output)
    folder.begin(job.model_dump_json(indent=1))
    with following(folder):
        try:
            yield folder
        except Exception as error:
            result_of(folder, workers, failed=True, said=f"{error}")


def worker_of(spark: "SparkSession") -> Callable[[str, str, dict[str, str]], None]:
    """``run_worker`` as it can be sent to a machine that does not have this package.

    What starts the worker there is a process of its own, which does not see the files that Spark
    has for its tasks. So the package travels inside the function.
    """
    root = str(project_root())
    package = None if workers_have_package(spark) else packed()

    def start(job: str, backend: str, environment: dict[str, str]) -> None:
        import sys
        import tempfile
        from pathlib import Path

        place = Path(root)
        if package is not None:
            place = Path(tempfile.mkdtemp(), "throughline.zip")
            place.write_bytes(package)
        sys.path.insert(0, str(place))
        from throughline.distributed.worker import run_worker

        run_worker(job, backend, environment)

    return start


def packed() -> bytes:
    """This package as a zip that Python can import from."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "package.zip")
        write_zip(archive)
        return archive.read_bytes()


def worker_arguments(job: TrainingJob, backend: str = "horovod") -> tuple[str, str, dict[str, str]]:
    """What ``run_worker`` is given on a machine that does not have this one's environment."""
    found = {name: value for name, value in os.environ.items() if name.startswith(_CREDENTIALS)}
    return job.model_dump_json(), backend, {**found, **tracking_environment(job)}


def result_seen(folder: JobFolder, workers: int) -> TrainingResult:
    """The result, which has to be seen here too.

    Raises:
        UserError: It is not.
    """
    with contextlib.suppress(RuntimeError):
        return result_of(folder, workers)
    raise UserError(
        f"The workers ended well, but {folder.uri} has no result of them here; give data_root a "
        "folder or URI that all machines of the cluster share."
    )


@contextlib.contextmanager
def own_signals() -> Iterator[None]:
    """In the block, signals stay this process's; Horovod would take them over for good.

    However the block is left early, Horovod stops its workers.
    """
    from horovod.runner import gloo_run

    before, stop = gloo_run.register_shutdown_event, threading.Event()
    gloo_run.register_shutdown_event = lambda: stop
    try:
        yield
    finally:
        stop.set()
        gloo_run.register_shutdown_event = before


@contextlib.contextmanager
def _quiet_threads() -> Iterator[None]:
    """In the block, threads end without a word: Horovod's do with Spark's job, which is told."""
    before = threading.excepthook
    threading.excepthook = lambda ended: logger.debug("a thread ended: %s", ended.exc_value)
    try:
        yield
    finally:
        threading.excepthook = before


@contextlib.contextmanager
def _output(folder: JobFolder) -> Iterator[IO[str] | None]:
    """Where what Horovod passes on of its workers goes: a log on a disk, else this process."""
    if not folder.is_local:
        yield None
        return
    with folder.path(LAUNCHER_LOG).open("w", encoding="utf-8") as stream:
        yield stream
