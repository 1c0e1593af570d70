"""Runs of pipelines, which execute the steps of their graphs in order."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.azureml.cloud import Refused
from tests.emulators.azureml.cluster import Cluster
from tests.emulators.azureml.graphs import Graphs
from tests.emulators.azureml.history import History
from tests.emulators.azureml.modules import datasets_in, values_in
from tests.emulators.azureml.parallel_runs import TYPE as PARALLEL
from tests.emulators.azureml.parallel_runs import ParallelRuns
from tests.emulators.azureml.resources import SERVICES, Resources
from tests.emulators.azureml.snapshots import Snapshots
from tests.emulators.server import Answer, Request, Route

STATUS = {
    "SCHEDULED": "NotStarted",
    "RUNNING": "Running",
    "FINISHED": "Finished",
    "FAILED": "Failed",
    "KILLED": "Canceled",
}
"""A pipeline run's status by the names of MLflow and of the pipelines' service."""


@dataclass(repr=False)
class PipelineRun:
    """A run of a graph.

    Attributes:
        number: Its id.
        experiment: The experiment's name.
        graph: The graph's id.
        values: The pipeline parameters.
        datasets: Those of them that are datasets, by their ids.
        status: As MLflow names it.
        steps: The names of the steps by their runs, in the order in which they began.
    """

    number: str
    experiment: str
    graph: str
    values: dict[str, str]
    datasets: dict[str, str] = field(default_factory=dict)
    status: str = "SCHEDULED"
    steps: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    thread: threading.Thread | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def cancel(self) -> None:
        """Ends what runs, at once."""
        with self.lock:
            if self.status in ("SCHEDULED", "RUNNING"):
                self.status = "KILLED"
            if self.process and self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)


@dataclass(repr=False)
class Pipelines:
    """The pipelines of a workspace.

    Attributes:
        resources: The workspace.
        graphs: What it was sent of them.
        snapshots: Where the steps' files are.
        history: Where runs are kept.
        cluster: Where steps run on Databricks.
        parallel: Where they run on Azure ML's own machines.
        starts: Whether clusters start.
        refuses: An error's code and message, of a service that takes no pipeline.
        runs: The runs by their ids.
    """

    resources: Resources
    graphs: Graphs
    snapshots: Snapshots
    history: History
    cluster: Cluster
    parallel: ParallelRuns
    starts: bool = True
    refuses: tuple[str, str] | None = None
    runs: dict[str, PipelineRun] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Route]]:
        base = rf"{re.escape(SERVICES)}/pipelines/v1\.0{re.escape(self.resources.scope)}"
        one = rf"{base}/PipelineRuns/([\w-]+)"
        return [
            ("POST", rf"{base}/PipelineRuns/Unsubmitted/CreationInfoWithGraph", self._create),
            ("POST", rf"{base}/PipelineRuns/Submit/([\w-]+)", self._submit),
            ("GET", one, self._get),
            ("DELETE", rf"{one}/Execution", self._cancel),
            ("POST", rf"{one}/Outputs", self._outputs),
        ]

    def begin(
        self, graph: str, experiment: str, values: dict[str, str], datasets: dict[str, str]
    ) -> PipelineRun:
        """Makes a run of a graph, and starts it."""
        made = self._made(graph, experiment, values, datasets)
        self._start(made)
        return made

    def close(self) -> None:
        """Ends what still runs."""
        for run in self.runs.values():
            run.cancel()
            if run.thread:
                run.thread.join()

    def entity(self, run: PipelineRun) -> Answer:
        """A run as the service tells it."""
        return Answer.of(
            {
                "Id": run.number,
                "GraphId": run.graph,
                "Status": {"StatusCode": STATUS[run.status], "StatusDetail": None},
                "ParameterAssignments": run.values,
                "RunHistoryExperimentName": run.experiment,
            }
        )

    def _create(self, request: Request, match: re.Match[str]) -> Answer:
        if self.refuses:
            raise _refused(*self.refuses)
        graph, defaults = self.graphs.add(request.json)
        values = request.json["CreationInfo"].get("ParameterAssignments") or {}
        experiment = request.query["experimentName"]
        datasets = datasets_in(request.json["CreationInfo"])
        return self.entity(self._made(graph, experiment, {**defaults, **values}, datasets))

    def _made(
        self, graph: str, experiment: str, values: dict[str, str], datasets: dict[str, str]
    ) -> PipelineRun:
        tags = {"azureml.runsource": "azureml.PipelineRun"}
        number = self.history.create_run(experiment, "pipeline", tags)
        self.runs[number] = PipelineRun(number, experiment, graph, values, datasets)
        return self.runs[number]

    def _submit(self, request: Request, match: re.Match[str]) -> Answer:
        self._start(self._there(match[1]))
        return Answer(b"", 200)

    def _start(self, run: PipelineRun) -> None:
        run.thread = threading.Thread(target=self._execute, args=(run,), daemon=True)
        run.thread.start()

    def _get(self, request: Request, match: re.Match[str]) -> Answer:
        return self.entity(self._there(match[1]))

    def _cancel(self, request: Request, match: re.Match[str]) -> Answer:
        self._there(match[1]).cancel()
        return Answer(b"", 200)

    def _there(self, number: str) -> PipelineRun:
        if number not in self.runs:
            raise _refused("NotFound", f"Pipeline run {number} is unknown.", 404)
        return self.runs[number]

    def _execute(self, run: PipelineRun) -> None:
        with run.lock:
            if run.status == "SCHEDULED":
                run.status = "RUNNING"
        self.history.update(run.number, run.status)
        for node, module, said in self.graphs.steps(run.graph):
            if run.status != "RUNNING":
                break
            status = self._run_step(run, node, module, said)
            with run.lock:
                if run.status == "RUNNING" and status != "FINISHED":
                    run.status = status
        with run.lock:
            if run.status == "RUNNING":
                run.status = "FINISHED"
        self.history.update(run.number, run.status)

    def _run_step(
        self, run: PipelineRun, node: str, module: dict[str, Any], said: dict[str, Any]
    ) -> str:
        tags = {"mlflow.parentRunId": run.number, "mlflow.rootRunId": run.number}
        tags |= {"azureml.runsource": "azureml.StepRun", "azureml.nodeid": node}
        tags |= dict.fromkeys(("azureml.pipelinerunid", "azureml.pipeline"), run.number)
        step = self.history.create_run(run.experiment, module["Name"], tags)
        run.steps[step] = module["Name"]
        while not self.starts and run.status == "RUNNING":
            time.sleep(0.05)
        parallel = module["ModuleExecutionType"] == PARALLEL
        place = self.parallel.code(step) if parallel else self.cluster.snapshot(step)
        self.snapshots.unpack(module["StorageId"], place)
        with run.lock:
            if run.status == "RUNNING" and parallel:
                inputs = self.graphs.inputs(run.graph, node, run.datasets)
                run.process = self.parallel.start(step, module, inputs)
            elif run.status == "RUNNING":
                values = values_in(said["ModuleParameters"], run.values)
                values |= values_in(said["ModuleMetadataParameters"], run.values)
                run.process = self.cluster.start(step, values, self._told(run, step))
        if run.process:
            self.history.update(step, "RUNNING")
            code = run.process.wait()
            run.process = None
            if parallel:
                self.history.logs[step] = self.parallel.end(step)
        status = "KILLED" if run.status == "KILLED" else "FAILED" if code else "FINISHED"
        self.history.update(step, status)
        return status

    def _outputs(self, request: Request, match: re.Match[str]) -> Answer:
        run, (node,) = self._there(match[1]), json.loads(request.body)
        (module,) = [module for number, module, _ in self.graphs.steps(run.graph) if number == node]
        (step,) = [step for step, name in run.steps.items() if name == module["Name"]]
        return Answer.of(self.parallel.outputs(step, module))

    def _told(self, run: PipelineRun, step: str) -> dict[str, str]:
        """What Azure ML adds to the arguments of a script."""
        directory = self.resources.directory
        ends = time.gmtime(time.time() + directory.lifetime)
        return {
            "AZUREML_RUN_TOKEN": directory.token(f"run {step}", "azureml"),
            "AZUREML_RUN_TOKEN_EXPIRY": time.strftime("%Y-%m-%dT%H:%M:%SZ", ends),
            "AZUREML_RUN_ID": step,
            "AZUREML_ARM_SUBSCRIPTION": self.resources.subscription,
            "AZUREML_ARM_RESOURCEGROUP": self.resources.group,
            "AZUREML_ARM_WORKSPACE_NAME": self.resources.workspace,
            "AZUREML_ARM_PROJECT_NAME": run.experiment,
            "AZUREML_SERVICE_ENDPOINT": f"https://{SERVICES}",
            "AZUREML_WORKSPACE_ID": self.resources.number,
            "AZUREML_EXPERIMENT_ID": self.history.experiment_id(run.experiment),
        }


def _refused(code: str, message: str, status: int = 400) -> Refused:
    """An error as this service words it, with capitals."""
    made = Refused(status, code, message)
    made.answer = Answer.of({"Error": {"Code": code, "Message": message}}, status)
    return made
