"""A worker that horovodrun starts: ``python -m throughline.distributed.worker job.json``."""

import logging
import os
import sys
from pathlib import Path

from throughline.distributed.failure import log_file, record_failure
from throughline.distributed.job import TrainingJob

logger = logging.getLogger(__name__)

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
LOG_TIME = "%H:%M:%S"


def main() -> None:
    """Trains the job whose file is the first argument, as one of Horovod's workers."""
    job = TrainingJob.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rank = int(os.environ["HOROVOD_RANK"])
    output = Path(job.output)
    _log_to(log_file(output, rank))
    try:
        _train(job)
    except Exception as error:
        logger.exception("worker %d ends", rank)
        record_failure(output, rank, error)
        # A clean end would wait for the other workers, which may wait for this one.
        sys.stderr.flush()
        os._exit(1)


def _log_to(file: Path) -> None:
    """Sends all output to a file, that of libraries in C too."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, sys.stdout.fileno())
    os.dup2(descriptor, sys.stderr.fileno())
    os.close(descriptor)
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, datefmt=LOG_TIME, force=True)
    # What Petastorm says about reading footers is neither news nor a problem.
    logging.getLogger("petastorm").setLevel(logging.WARNING)


def _train(job: TrainingJob) -> None:
    import horovod.torch as hvd

    from throughline.distributed.training import train

    train(job)
    hvd.shutdown()


if __name__ == "__main__":
    main()
