"""A small prepared table whose label follows a rule that a network can learn."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.distributed.job import TrainingJob
from throughline.features.layout import Feature, Layout
from throughline.models.network_parameters import NetworkParameters

MakeJob = Callable[..., TrainingJob]


def rows(count: int, seed: int) -> pa.Table:
    """Rows with a number of their own (``id``) and a label of a number and two categories."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(count, 3)).astype("float32")
    origin = random.integers(0, 4, count).astype("int32")
    carrier = random.integers(0, 9, count).astype("int32")
    signal = numbers[:, 0] - numbers[:, 1] + (origin - 1.5) + np.where(carrier % 2, 1.0, -1.0)
    late = (signal + 0.5 * random.normal(size=count) > 0).astype("int32")
    return pa.table(
        {
            "id": np.arange(count, dtype="float32"),
            "temp (F)": numbers[:, 0],
            "class": numbers[:, 1],
            "wind": numbers[:, 2],
            "origin": origin,
            "carrier": carrier,
            "late": late,
            "third": (np.clip(signal, -1.9, 1.9) // 1.3 + 2).astype("int32") % 3,
            "delay": 1e6 + 40 * signal.astype("float64"),
        }
    )


def write(table: pa.Table, folder: Path, group_rows: int, files: int = 2) -> Path:
    """Writes a table as files of row groups of ``group_rows`` rows."""
    folder.mkdir(parents=True)
    per_file = -(-table.num_rows // files)
    for number in range(files):
        part = table.slice(number * per_file, per_file)
        pq.write_table(part, folder / f"part-{number}.parquet", row_group_size=group_rows)
    return folder


def layout_of(label: str = "late") -> Layout:
    """The layout of ``rows`` for one of its three labels."""
    classes = {"late": ("no", "yes"), "third": ("low", "middle", "high"), "delay": None}[label]
    return Layout(
        features=(
            Feature(name="temp (F)", kind="numeric"),
            Feature(name="origin", kind="category", cardinality=4, view="one_hot"),
            Feature(name="class", kind="numeric"),
            Feature(name="wind", kind="numeric"),
            Feature(name="carrier", kind="category", cardinality=9, view="embed"),
        ),
        label=label,
        task="regression" if classes is None else "classification",
        classes=classes,
    )


@pytest.fixture
def make_rows() -> Callable[[int, int], pa.Table]:
    return rows


@pytest.fixture
def write_rows() -> Callable[..., Path]:
    return write


@pytest.fixture
def make_layout() -> Callable[..., Layout]:
    return layout_of


@pytest.fixture(scope="session")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared table: 4,000 training rows in 8 row groups, 1,000 validation rows in 4."""
    folder = tmp_path_factory.mktemp("prepared table")
    write(rows(4000, seed=1), folder / "train", group_rows=500)
    write(rows(1000, seed=2), folder / "validation", group_rows=250)
    return folder


@pytest.fixture
def make_job(parquet: Path, tmp_path: Path) -> MakeJob:
    """Makes a job over the prepared table with some fields changed."""

    def make(label: str = "late", **changes: object) -> TrainingJob:
        fields: dict[str, object] = {
            "train": str(parquet / "train"),
            "validation": str(parquet / "validation"),
            "layout": layout_of(label),
            "network": NetworkParameters(hidden=(32, 32)),
            "epochs": 4,
            "batch_size": 100,
            "learning_rate": 0.005,
            "output": str(tmp_path / "output"),
        }
        return TrainingJob.model_validate({**fields, **changes})

    return make


def worker_processes(output: str) -> dict[int, psutil.Process]:
    """The workers of a job by rank: the processes whose output is its log."""
    found = {}
    for process in psutil.process_iter():
        try:
            target = os.readlink(f"/proc/{process.pid}/fd/1")
            ended = process.status() == psutil.STATUS_ZOMBIE
        except (OSError, psutil.Error):
            continue
        name = Path(target).name
        if target.startswith(f"{output}/logs/rank-") and not ended:
            found[int(name.removeprefix("rank-").removesuffix(".log"))] = process
    return found


@pytest.fixture
def killer() -> Callable[[TrainingJob, int], AbstractContextManager[None]]:
    """Kills a worker after the job's first epoch, and holds that all ends within 30 s of that."""

    @contextmanager
    def killing(job: TrainingJob, rank: int) -> Iterator[None]:
        killed: list[float] = []

        def kill() -> None:
            log = Path(job.output, "logs/rank-0.log")
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                there = worker_processes(job.output)
                if rank in there and log.is_file() and "epoch 1 of" in log.read_text():
                    there[rank].send_signal(signal.SIGKILL)
                    killed.append(time.monotonic())
                    return
                threading.Event().wait(0.1)
            for process in worker_processes(job.output).values():
                process.kill()  # the training would never end

        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        yield
        thread.join()
        assert killed, "no worker was killed"
        assert time.monotonic() - killed[0] < 30
        deadline = time.monotonic() + 15
        while worker_processes(job.output):
            assert time.monotonic() < deadline, "a worker is left"
            threading.Event().wait(0.1)

    return killing
