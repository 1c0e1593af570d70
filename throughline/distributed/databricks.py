"""The launcher for Databricks: HorovodRunner, which its machine learning runtimes bring along."""

from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.distributed.spark import (
    own_signals,
    result_seen,
    worker_arguments,
    worker_of,
    workers_on_spark,
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
    text, backend, environment = worker_arguments(job)
    with workers_on_spark(spark, job, workers) as folder, own_signals():
        HorovodRunner(np=workers, driver_log_verbosity="all").run(
            worker_of(spark), job=text, backend=backend, environment=environment
        )
    return result_seen(folder, workers)
