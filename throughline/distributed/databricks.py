"""The launcher for Databricks: HorovodRunner, which its machine learning runtimes bring along."""

from throughline.distributed.following import following
from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.distributed.local_processes import result_of
from throughline.distributed.spark import (
    begin_on_spark,
    result_seen,
    worker_arguments,
    worker_of,
)
from throughline.errors import UserError
from throughline.spark import session


def launch(job: TrainingJob, workers: int) -> TrainingResult:
    """Trains with one worker per task slot of the cluster.

    Source: https://docs.databricks.com/aws/en/archive/machine-learning/train-model/horovod-runner.

    Raises:
        UserError: This is not a Databricks runtime for machine learning, the workers' folder is
            not seen here, or a worker's ``UserError``.
        RuntimeError: A worker failed otherwise; the message has its rank and its log's last lines.
    """
    try:
        from sparkdl import HorovodRunner
    except ImportError:
        raise UserError(
            "HorovodRunner is not here: it comes with Databricks Runtime ML up to 15.4; use the "
            "launcher torch on a newer one, spark on another cluster, or leave it to auto."
        ) from None
    spark = session()
    folder = begin_on_spark(spark, job, workers)
    text, backend, environment = worker_arguments(job)
    with following(folder):
        try:
            HorovodRunner(np=workers, driver_log_verbosity="all").run(
                worker_of(spark), job=text, backend=backend, environment=environment
            )
        except Exception as error:
            result_of(folder, workers, failed=True, said=f"{error}")
    return result_seen(folder, workers)
