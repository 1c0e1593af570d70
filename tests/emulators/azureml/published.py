"""What is published: pipelines, endpoints that have them as versions, and schedules of those."""

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.azureml.cloud import Refused
from tests.emulators.azureml.modules import datasets_in
from tests.emulators.azureml.pipelines import Pipelines
from tests.emulators.azureml.resources import SERVICES
from tests.emulators.server import Answer, Request, Route

_CODES = {"0": "Active", "1": "Deprecated", "2": "Disabled"}
"""The SDK writes the status of an entity as a name or as a number."""


@dataclass(repr=False)
class Published:
    """What of a workspace's pipelines can be run by its address.

    Attributes:
        of: The pipelines.
        refuses: An error's code and message, of a service that makes no endpoint.
        keeps: The schedule that cannot be changed now.
        pipelines: The published ones by their ids, as the service tells them.
        endpoints: The endpoints, likewise.
        schedules: The schedules, likewise.
    """

    of: Pipelines
    refuses: tuple[str, str] | None = None
    keeps: str = ""
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Route]]:
        base = rf"{re.escape(SERVICES)}/pipelines/v1\.0{re.escape(self.of.resources.scope)}"
        endpoint, schedule = rf"{base}/PipelineEndpoints", rf"{base}/Schedules"
        number = r"([\w-]{36})"
        return [
            ("POST", rf"{base}/Pipelines/Create", self._publish),
            ("GET", rf"{base}/Pipelines/{number}", self._get_pipeline),
            ("PUT", rf"{base}/Pipelines/{number}/status", self._change_pipeline),
            ("GET", endpoint, self._list_endpoints),
            ("POST", rf"{endpoint}/Create", self._create_endpoint),
            ("GET", rf"{endpoint}/Name", self._named_endpoint),
            ("GET", rf"{endpoint}/Id/{number}", self._get_endpoint),
            ("PUT", rf"{endpoint}/{number}", self._change_endpoint),
            ("GET", rf"{endpoint}/{number}/pipelines", self._versions),
            ("POST", rf"{base}/PipelineRuns/PipelineEndpointSubmit/Id/{number}", self._run),
            ("POST", rf"{schedule}/Create", self._create_schedule),
            ("GET", rf"{schedule}/PipelineEndpoint/{number}", self._schedules_of),
            ("GET", rf"{schedule}/{number}", self._get_schedule),
            ("PUT", rf"{schedule}/{number}", self._change_schedule),
        ]

    def fire(self, schedule: str) -> str:
        """Does what a schedule does when its time has come; returns the run's id."""
        entity = self.schedules[schedule]
        assert entity["EntityStatus"] == "Active"
        said = entity["PipelineSubmissionInfo"]
        return self._begin(entity["PipelineEndpointId"], said)

    def _publish(self, request: Request, match: re.Match[str]) -> Answer:
        sent, number = request.json, str(uuid.uuid4())
        graph, defaults = self.of.graphs.add(sent)
        self.pipelines[number] = {
            "Id": number,
            "Name": sent["Name"],
            "Description": sent["Description"],
            "GraphId": graph,
            "Url": f"https://{SERVICES}/pipelines/v1.0{self.of.resources.scope}/PipelineRuns"
            f"/PipelineSubmit/{number}",
            "ParameterAssignments": defaults,
            "DataSetDefinitionValueAssignments": sent.get("DataSetDefinitionValueAssignments"),
            "EntityStatus": "Active",
        }
        return Answer.of(self.pipelines[number])

    def _get_pipeline(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(self._there(self.pipelines, match[1]))

    def _change_pipeline(self, request: Request, match: re.Match[str]) -> Answer:
        status = json.loads(request.body)
        self._there(self.pipelines, match[1])["EntityStatus"] = _CODES.get(status, status)
        return Answer(b"", 200)

    def _list_endpoints(self, request: Request, match: re.Match[str]) -> Answer:
        active = request.query.get("activeOnly", "true").lower() == "true"
        found = [e for e in self.endpoints.values() if not active or e["EntityStatus"] == "Active"]
        return Answer.of(found)

    def _create_endpoint(self, request: Request, match: re.Match[str]) -> Answer:
        if self.refuses:
            raise Refused(400, *self.refuses)
        sent, number = request.json, str(uuid.uuid4())
        self._there(self.pipelines, sent["PipelineId"])
        if any(one["Name"] == sent["Name"] for one in self.endpoints.values()):
            raise Refused(400, "UserError", f"An endpoint named {sent['Name']} exists.")
        self.endpoints[number] = {
            "Id": number,
            "Name": sent["Name"],
            "Description": sent["Description"],
            "DefaultVersion": "0",
            "PipelineVersionList": [{"Version": "0", "PipelineId": sent["PipelineId"]}],
            "Url": f"https://{SERVICES}/pipelines/v1.0{self.of.resources.scope}/PipelineRuns"
            f"/PipelineEndpointSubmit/Id/{number}",
            "EntityStatus": "Active",
        }
        return Answer.of(self.endpoints[number])

    def _named_endpoint(self, request: Request, match: re.Match[str]) -> Answer:
        name = request.query["Name"]
        found = [one for one in self.endpoints.values() if one["Name"] == name]
        if not found:
            raise Refused(404, "NotFound", f"No endpoint named {name}.")
        return Answer.of(found[0])

    def _get_endpoint(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(self._there(self.endpoints, match[1]))

    def _change_endpoint(self, request: Request, match: re.Match[str]) -> Answer:
        self._there(self.endpoints, match[1])
        if self.refuses:
            raise Refused(400, *self.refuses)
        self.endpoints[match[1]] = _plain(request.json)
        return Answer.of(self.endpoints[match[1]])

    def _versions(self, request: Request, match: re.Match[str]) -> Answer:
        versions = self._there(self.endpoints, match[1])["PipelineVersionList"]
        found = [self.pipelines[version["PipelineId"]] for version in versions]
        return Answer.of([one for one in found if one["EntityStatus"] == "Active"])

    def _run(self, request: Request, match: re.Match[str]) -> Answer:
        return self.of.entity(self.of.runs[self._begin(match[1], request.json)])

    def _create_schedule(self, request: Request, match: re.Match[str]) -> Answer:
        sent, number = request.json, str(uuid.uuid4())
        self._there(self.endpoints, sent["PipelineEndpointId"])
        kept = ("Name", "PipelineEndpointId", "PipelineSubmissionInfo", "Recurrence")
        self.schedules[number] = {
            **{name: sent[name] for name in kept},
            "Id": number,
            "ScheduleType": "Recurrence",
            "EntityStatus": "Active",
            "ProvisioningStatus": "Completed",
        }
        return Answer.of(self.schedules[number])

    def _schedules_of(self, request: Request, match: re.Match[str]) -> Answer:
        found = [s for s in self.schedules.values() if s["PipelineEndpointId"] == match[1]]
        return Answer.of(found)

    def _get_schedule(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(self._there(self.schedules, match[1]))

    def _change_schedule(self, request: Request, match: re.Match[str]) -> Answer:
        self._there(self.schedules, match[1])
        if match[1] == self.keeps:
            raise Refused(400, "UserError", "Not now")
        self.schedules[match[1]] = _plain(request.json)
        return Answer.of(self.schedules[match[1]])

    def _begin(self, endpoint: str, said: dict[str, Any]) -> str:
        entity = self._there(self.endpoints, endpoint)
        version = entity["DefaultVersion"]
        (pipeline,) = [
            self.pipelines[one["PipelineId"]]
            for one in entity["PipelineVersionList"]
            if one["Version"] == version
        ]
        if "Disabled" in (entity["EntityStatus"], pipeline["EntityStatus"]):
            raise Refused(400, "UserError", "The pipeline is disabled.")
        values = pipeline["ParameterAssignments"] | (said.get("ParameterAssignments") or {})
        datasets = datasets_in(pipeline) | datasets_in(said)
        return self.of.begin(pipeline["GraphId"], said["ExperimentName"], values, datasets).number

    def _there(self, among: dict[str, dict[str, Any]], number: str) -> dict[str, Any]:
        if number not in among:
            raise Refused(404, "NotFound", f"{number} is unknown.")
        return among[number]


def _plain(entity: dict[str, Any]) -> dict[str, Any]:
    status = entity["EntityStatus"]
    return {**entity, "EntityStatus": _CODES.get(status, status)}
