"""The launcher without Horovod: torchrun on this machine, ``TorchDistributor`` on a cluster."""

import sys

from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.distributed.local_processes import run_processes
from throughline.distributed.places import cluster
from throughline.distributed.spark import result_seen, worker_arguments, worker_of, workers_on_spark
from throughline.spark import session


def launch(job: TrainingJob, workers: int, time_limit: float | None = None) -> TrainingResult:
    """Trains with workers that torch's own library for distributed training connects.

    On a Spark cluster they are tasks of it, else processes of this machine.

    Args:
        job: The training.
        workers: The number of workers.
        time_limit: The seconds after which processes of this machine are stopped; None for never.

    Raises:
        UserError: A worker's ``UserError``, or the time limit.
        RuntimeError: A worker failed otherwise; the message has its rank and its log's last lines.
    """
    if cluster():
        return launch_on_spark(job, workers)
    command = [sys.executable, "-m", "throughline.distributed.torchrun_command"]
    command += ["--standalone", "--nproc-per-node", str(workers), "--no-python", sys.executable]
    return run_processes(command, "torch", job, workers, time_limit)


def launch_on_spark(job: TrainingJob, workers: int) -> TrainingResult:
    """Trains with one worker per task of Spark, by ``TorchDistributor``.

    Raises:
        UserError: Spark has too few places, the workers' folder is not seen here, or a worker's
            ``UserError``.
        RuntimeError: A worker failed otherwise; the message has its rank and its log's last lines.
    """
    from pyspark.ml.torch.distributor import TorchDistributor

    spark = session()
    on_gpus = float(spark.conf.get("spark.task.resource.gpu.amount", "0") or 0) > 0
    with workers_on_spark(spark, job, workers) as folder:
        TorchDistributor(num_processes=workers, local_mode=False, use_gpu=on_gpus).run(
            worker_of(spark), *worker_arguments(job, "torch")
        )
    return result_seen(folder, workers)
