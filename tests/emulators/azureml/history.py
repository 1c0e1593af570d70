"""Experiments and runs as the SDK asks for them; what they hold is in the MLflow server."""

import re
import time
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.emulators.azureml.cloud import Refused
from tests.emulators.azureml.resources import SERVICES, Resources
from tests.emulators.server import Answer, Request, Route

STATUS = {
    "SCHEDULED": "NotStarted",
    "RUNNING": "Running",
    "FINISHED": "Completed",
    "FAILED": "Failed",
    "KILLED": "Canceled",
}
"""A run's status by the names of MLflow and of Azure ML."""
_PARENT = "mlflow.parentRunId"
_PROPERTIES = "azureml."
OF_STEPS = ("azureml.nodeid", "azureml.pipeline")
"""What tells of a step's run where it belongs: tags as well, where the SDK reads them."""


@dataclass(frozen=True, repr=False)
class History:
    """The run history of a workspace.

    Attributes:
        resources: The workspace.
        url: Where the MLflow server answers.
        logs: Of each run the addresses of its logs, by their names.
    """

    resources: Resources
    url: str
    logs: dict[str, dict[str, str]] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Route]]:
        scope = re.escape(f"{SERVICES}/history/v1.0{self.resources.scope}")
        run = rf"{scope}/experiment(?:s|ids)/[^/]+/runs/([\w-]+)"
        return [
            ("GET", rf"{scope}/experiments/([^/]+)", self._experiment),
            ("POST", rf"{scope}/experiments/([^/]+)", self._create_experiment),
            ("POST", rf"{scope}/experiments/([^/]+)/runs:query", self._query),
            ("GET", run, self._run),
            ("GET", rf"{run}/details", self._details),
            ("GET", rf"{run}/children", self._children),
            ("*", rf"{run}/token", self._token),
        ]

    def create_run(self, experiment: str, name: str, tags: dict[str, str]) -> str:
        """Makes a run, which waits, and the experiment if need be; returns the run's id."""
        try:
            number = self.experiment_id(experiment)
        except Refused:
            number = self._ask("POST", "experiments/create", name=experiment)["experiment_id"]
        made = self._ask(
            "POST",
            "runs/create",
            experiment_id=number,
            run_name=name,
            start_time=int(1000 * time.time()),
            tags=[{"key": key, "value": value} for key, value in tags.items()],
        )
        run_id = str(made["run"]["info"]["run_id"])
        self.update(run_id, "SCHEDULED")
        return run_id

    def update(self, run_id: str, status: str) -> None:
        """Changes the status of a run."""
        ended = (
            {"end_time": int(1000 * time.time())} if status not in ("RUNNING", "SCHEDULED") else {}
        )
        self._ask("POST", "runs/update", run_id=run_id, status=status, **ended)

    def tags(self, run_id: str) -> dict[str, str]:
        """The tags of a run."""
        return _tags(self._ask("GET", "runs/get", run_id=run_id)["run"])

    def experiment_id(self, name: str) -> str:
        """The id of an experiment."""
        found = self._ask("GET", "experiments/get-by-name", experiment_name=name)
        return str(found["experiment"]["experiment_id"])

    def _experiment(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of({"experimentId": self.experiment_id(match[1]), "name": match[1]})

    def _create_experiment(self, request: Request, match: re.Match[str]) -> Answer:
        made = self._ask("POST", "experiments/create", name=match[1])
        return Answer.of({"experimentId": made["experiment_id"], "name": match[1]})

    def _run(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(_told(self._ask("GET", "runs/get", run_id=match[1])["run"]))

    def _details(self, request: Request, match: re.Match[str]) -> Answer:
        told = _told(self._ask("GET", "runs/get", run_id=match[1])["run"])
        names = ("runId", "status", "properties", "startTimeUtc", "endTimeUtc")
        return Answer.of(
            {**{name: told[name] for name in names}, "logFiles": self.logs.get(match[1], {})}
        )

    def _children(self, request: Request, match: re.Match[str]) -> Answer:
        run = self._ask("GET", "runs/get", run_id=match[1])["run"]
        found = self._ask(
            "POST",
            "runs/search",
            experiment_ids=[run["info"]["experiment_id"]],
            filter=f"tags.`{_PARENT}` = '{match[1]}'",
            order_by=["attributes.start_time DESC"],
        )
        return Answer.of({"value": [_told(one) for one in found.get("runs", [])]})

    def _query(self, request: Request, match: re.Match[str]) -> Answer:
        """The runs of an experiment without a parent, the newest first."""
        asked = request.json["filter"], request.json["orderby"]
        assert asked == ("(ParentRunId eq null)", "StartTimeUtc desc"), asked
        found = self._ask(
            "POST",
            "runs/search",
            experiment_ids=[self.experiment_id(match[1])],
            order_by=["attributes.start_time DESC"],
        )
        told = [_told(one) for one in found.get("runs", [])]
        return Answer.of({"value": [one for one in told if not one["parentRunId"]]})

    def _token(self, request: Request, match: re.Match[str]) -> Answer:
        """A run asks for a new token before its own ends."""
        ends = time.gmtime(time.time() + self.resources.directory.lifetime)
        return Answer.of(
            {
                "token": self.resources.directory.token(f"run {match[1]}", "azureml"),
                "expiryTimeUtc": time.strftime("%Y-%m-%dT%H:%M:%SZ", ends),
            }
        )

    def _ask(self, method: str, call: str, **content: Any) -> dict[str, Any]:
        given = {"params": content} if method == "GET" else {"json": content}
        answer = requests.request(
            method,
            f"{self.url}/api/2.0/mlflow/{call}",
            timeout=60,
            **given,  # type: ignore[arg-type]
        )
        if answer.status_code == 404:
            raise Refused(404, "UserError", answer.json()["message"])
        answer.raise_for_status()
        return dict(answer.json())


def _tags(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}


def _told(run: dict[str, Any]) -> dict[str, Any]:
    info, tags = run["info"], _tags(run)
    return {
        "runId": info["run_id"],
        "runNumber": 1,
        "rootRunId": tags.get("mlflow.rootRunId", info["run_id"]),
        "parentRunId": tags.get(_PARENT),
        "experimentId": info["experiment_id"],
        "status": STATUS[info["status"]],
        "name": info["run_name"],
        "displayName": info["run_name"],
        "dataContainerId": f"dcid.{info['run_id']}",
        "runType": tags.get("azureml.runsource"),
        "startTimeUtc": _time(info.get("start_time")),
        "endTimeUtc": _time(info.get("end_time")),
        "tags": {n: v for n, v in tags.items() if _PROPERTIES not in n or n in OF_STEPS},
        "properties": {name: value for name, value in tags.items() if _PROPERTIES in name},
    }


def _time(milliseconds: int | None) -> str | None:
    if not milliseconds:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000))
