"""Job runs: what is submitted is checked as the service would, and really executed.

The storage is a folder of this machine: what a script and its parameters name as /dbfs or
/Volumes is in it. A run's new cluster has a disk of its own, which they name as /databricks: it is
the run's folder. The emulator puts these paths before them, and changes nothing else.
"""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from databricks.sdk.service.compute import ClusterSpec
from mlflow.projects import utils

from tests.emulators.databricks.dbfs import Dbfs
from tests.emulators.databricks.server import Answer, Refused, Request, Route

DRIVER = Path(__file__).with_name("driver.py")
KNOWN = {one.name for one in fields(ClusterSpec)}
MLFLOWS_OWN = {
    value for name, value in vars(utils).items() if re.fullmatch(r"PROJECT_[A-Z_]+", name)
}
"""What ``mlflow run`` itself writes into every flat cluster file; the service lets them pass."""
NEEDED = ("spark_version", "node_type_id", "num_workers")
STORAGE = re.compile(r"(?<![\w/.-])(?=/(?:dbfs|Volumes)/)")
DISK = re.compile(r"(?<![\w/.-])(?=/databricks/)")


@dataclass(repr=False)
class JobRun:
    """A run: of a process, or of nothing where the cluster does not start."""

    number: int
    submitted: dict[str, Any]
    process: "subprocess.Popen[bytes] | None" = None
    cancelled: bool = False
    looks: int = 0

    def state(self) -> dict[str, str]:
        """As the service words it; the cluster starts between the second look and the third."""
        if self.cancelled:
            return _ended("CANCELED", "Run cancelled.")
        code = self.process.poll() if self.process else None
        if self.process is None or (code is None and self.looks < 2):
            return {"life_cycle_state": "PENDING", "state_message": "Waiting for cluster"}
        if code is None:
            return {"life_cycle_state": "RUNNING", "state_message": "In run"}
        if code:
            return _ended("FAILED", "Workload failed, see run output for details")
        return _ended("SUCCESS", "")


@dataclass(repr=False)
class Jobs:
    """The job runs of a workspace.

    Attributes:
        machine: The storage's folder; a run's output is in ``run-<number>.log``.
        environment: The variables of the processes.
        starts: Whether clusters start.
        url: The workspace's address.
        runs: All runs by number.
    """

    machine: Path
    dbfs: Dbfs
    environment: dict[str, str] = field(default_factory=dict)
    starts: bool = True
    url: str = ""
    runs: dict[int, JobRun] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Route]]:
        return [
            ("POST", r"/api/2\.0/jobs/runs/submit", self._submit),
            ("GET", r"/api/2\.[02]/jobs/runs/get", self._get),
            ("POST", r"/api/2\.2/jobs/runs/cancel", self._cancel),
        ]

    def log(self, number: int) -> str:
        """What a run printed."""
        return self._log(number).read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """Ends what still runs."""
        for run in self.runs.values():
            _end(run)

    def _submit(self, request: Request, match: re.Match[str]) -> Answer:
        job = request.json
        if set(job) != {"run_name", "new_cluster", "libraries", "spark_python_task"}:
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"Unexpected fields: {sorted(job)}")
        check_cluster(job["new_cluster"])
        for library in job["libraries"]:
            if set(library) != {"pypi"} or set(library["pypi"]) != {"package"}:
                raise Refused(400, "INVALID_PARAMETER_VALUE", f"Unknown library {library}")
        run = JobRun(len(self.runs) + 1, job)
        if self.starts:
            run.process = self._start(run)
        self.runs[run.number] = run
        return Answer.of({"run_id": run.number})

    def _start(self, run: JobRun) -> "subprocess.Popen[bytes]":
        task = run.submitted["spark_python_task"]
        if set(task) != {"python_file", "parameters"}:
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"Unexpected fields: {sorted(task)}")
        folder = self.machine / f"run-{run.number}"
        folder.mkdir()
        script = folder / "script.py"
        sent = self.dbfs.place(task["python_file"]).read_text(encoding="utf-8")
        script.write_text(self._here(sent, folder), encoding="utf-8")
        command = [sys.executable, "-P", str(DRIVER), str(script)]
        variables = run.submitted["new_cluster"].get("spark_env_vars", {})
        with self._log(run.number).open("wb") as log:
            return subprocess.Popen(
                [*command, *(self._here(word, folder) for word in task["parameters"])],
                cwd=folder,
                env={**self.environment, **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _get(self, request: Request, match: re.Match[str]) -> Answer:
        run = self._of(request)
        state = run.state()
        run.looks += 1
        page = f"{self.url}/#job/{run.number}/run/1"
        described = {"run_id": run.number, "job_id": 1000 + run.number, "state": state}
        return Answer.of({**described, "run_page_url": page})

    def _cancel(self, request: Request, match: re.Match[str]) -> Answer:
        run = self._of(request)
        if run.state()["life_cycle_state"] != "TERMINATED":
            run.cancelled = True
            _end(run)
        return Answer.of({})

    def _of(self, request: Request) -> JobRun:
        number = int(request.json["run_id"])
        if number not in self.runs:
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"Run {number} does not exist.")
        return self.runs[number]

    def _here(self, text: str, disk: Path) -> str:
        return STORAGE.sub(str(self.machine), DISK.sub(str(disk), text))

    def _log(self, number: int) -> Path:
        return self.machine / f"run-{number}.log"


def check_cluster(cluster: dict[str, Any]) -> None:
    """Refuses a cluster with a key that the service does not know, or without one it needs."""
    for key in cluster:
        if key not in KNOWN | MLFLOWS_OWN:
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"Unknown cluster field {key}")
    for key in NEEDED:
        if key not in cluster:
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"Missing required field: {key}")


def _end(run: JobRun) -> None:
    """Ends a run's processes, as a cluster goes: at once."""
    if run.process is not None and run.process.poll() is None:
        os.killpg(run.process.pid, signal.SIGKILL)
        run.process.wait()


def _ended(result: str, message: str) -> dict[str, str]:
    return {
        "life_cycle_state": "TERMINATED",
        "result_state": result,
        "state_message": message,
    }
