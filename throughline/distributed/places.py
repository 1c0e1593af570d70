"""Where a training runs: this machine, a Spark cluster, or Databricks."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.dbfs import on_databricks
from throughline.distributed.local_processes import usable_cores
from throughline.errors import UserError
from throughline.spark import SUBMITTED, is_local, session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def cluster() -> "SparkSession | None":
    """The session of a Spark cluster that this process drives; None on a machine by itself.

    No session is started to find out, unless spark-submit or Databricks started this process.
    """
    submitted = on_databricks() or SUBMITTED in os.environ
    if not submitted and "pyspark" not in sys.modules:
        return None
    from pyspark.sql import SparkSession

    found = session() if submitted else SparkSession.getActiveSession()
    return None if found is None or is_local(found) else found


def has(module: str) -> bool:
    """Whether a module can be imported here."""
    return find_spec(module) is not None


def horovod_has(part: str) -> bool:
    """Whether Horovod was built with its part for a library, which is not imported to find out."""
    found = find_spec("horovod")
    folders = (found and found.submodule_search_locations) or ()
    return any(any(Path(folder, part).glob("mpi_lib*.so")) for folder in folders)


def check_workers(wanted: str) -> None:
    """Checks an argument that asks for workers, without a look at where they would be.

    Raises:
        UserError: It is neither a number above 0 nor ``auto``.
    """
    if wanted != "auto" and not (wanted.isdecimal() and int(wanted)):
        raise UserError(
            f"A training needs at least one worker, and workers is {wanted!r}; give a number, or "
            "'auto'."
        )


def workers_of(wanted: str) -> int:
    """The number of workers that an argument asks for.

    Args:
        wanted: A number, or ``auto``: a worker for each of the cluster's task slots, or of this
            machine's GPUs, or cores where it has none.

    Raises:
        UserError: It is neither.
    """
    check_workers(wanted)
    if wanted != "auto":
        return int(wanted)
    if spark := cluster():
        return int(spark.sparkContext.defaultParallelism)
    import torch

    return torch.cuda.device_count() or usable_cores()
