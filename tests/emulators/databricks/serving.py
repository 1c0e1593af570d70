"""Model serving: its REST routes, over models that really answer.

An endpoint loads the version it is told to from the registry and answers by MLflow's own scoring
code, as the images of a workspace do. Its states follow the API's documentation ("Serving
endpoints"): a change is in progress for some polls and then comes about or fails, and what was
served before answers until then.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.databricks.models import ModelFiles
from tests.emulators.databricks.server import Answer, Refused, Request, Route

_ENTITY = {
    "name",
    "entity_name",
    "entity_version",
    "workload_size",
    "workload_type",
    "scale_to_zero_enabled",
    "environment_vars",
}


@dataclass
class Endpoint:
    """An endpoint: what it serves, what it is being changed to, and the models that are loaded."""

    name: str
    config: dict[str, Any] | None = None
    pending: dict[str, Any] | None = None
    update: str = "NOT_UPDATING"
    polls_left: int = 0
    models: dict[str, Any] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)

    def detail(self) -> Answer:
        ready = "READY" if self.config else "NOT_READY"
        told = {"name": self.name, "state": {"ready": ready, "config_update": self.update}}
        if self.config:
            told["config"] = self.config
        if self.pending:
            told["pending_config"] = self.pending
        return Answer.of(told)


class ServingEndpoints:
    """The endpoints of a workspace.

    Attributes:
        polls: How many times a change is asked for before it ends; None: it never does.
        endpoints: The endpoints by name.
        skewed: Versions that answer otherwise than their model does.
    """

    def __init__(self, models: ModelFiles) -> None:
        self._models = models
        self.polls: int | None = 1
        self.endpoints: dict[str, Endpoint] = {}
        self.skewed: set[str] = set()

    def routes(self) -> list[tuple[str, str, Route]]:
        one = r"/api/2\.0/serving-endpoints/([\w-]+)"
        return [
            ("POST", r"/api/2\.0/serving-endpoints", self._create),
            ("GET", one, self._get),
            ("DELETE", one, self._delete),
            ("PUT", f"{one}/config", self._update),
            ("GET", rf"{one}/served-models/([\w-]+)/(?:build-)?logs", self._logs),
            ("POST", r"/serving-endpoints/([\w-]+)/invocations", self._invoke),
        ]

    def _create(self, request: Request, match: re.Match[str]) -> Answer:
        _known(request.json, {"name", "config"})
        name, config = request.json["name"], request.json["config"]
        _known(config, {"name", "served_entities", "traffic_config"})
        if name in self.endpoints:
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", f"Endpoint {name} already exists.")
        endpoint = Endpoint(name)
        self._begin(endpoint, config)
        self.endpoints[name] = endpoint
        return endpoint.detail()

    def _get(self, request: Request, match: re.Match[str]) -> Answer:
        endpoint = self._endpoint(match)
        self._poll(endpoint)
        return endpoint.detail()

    def _delete(self, request: Request, match: re.Match[str]) -> Answer:
        del self.endpoints[self._endpoint(match).name]
        return Answer.of({})

    def _update(self, request: Request, match: re.Match[str]) -> Answer:
        endpoint = self._endpoint(match)
        _known(request.json, {"served_entities", "traffic_config"})
        if endpoint.update == "IN_PROGRESS":
            raise Refused(409, "RESOURCE_CONFLICT", f"Endpoint {endpoint.name} is updating.")
        self._begin(endpoint, request.json)
        return endpoint.detail()

    def _logs(self, request: Request, match: re.Match[str]) -> Answer:
        log = self._endpoint(match).logs.get(match[2])
        if log is None:
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"There is no served model {match[2]}.")
        return Answer.of({"logs": "\n".join(log)})

    def _invoke(self, request: Request, match: re.Match[str]) -> Answer:
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc.scoring_server import invocations

        endpoint = self._endpoint(match)
        if endpoint.config is None:
            raise Refused(400, "BAD_REQUEST", f"The endpoint {endpoint.name} is not ready.")
        (entity,) = endpoint.config["served_entities"]
        model = endpoint.models[entity["name"]]
        endpoint.logs[entity["name"]].append("POST /invocations")
        schema = model.metadata.get_input_schema()
        try:
            made = invocations(request.body.decode(), "application/json", model, schema)
        except MlflowException as error:
            raise Refused(400, "BAD_REQUEST", error.message) from None
        answer = json.loads(made.response)
        if made.status == 200 and entity["entity_version"] in self.skewed:
            answer["predictions"] = answer["predictions"][::-1]
        return Answer.of(answer, made.status)

    def _begin(self, endpoint: Endpoint, config: dict[str, Any]) -> None:
        entities = config["served_entities"]
        for entity in entities:
            _known(entity, _ENTITY)
            self._models.folder(entity["entity_name"], entity["entity_version"])
        before = (endpoint.config or {}).get("traffic_config")
        routes = (config.get("traffic_config") or before)["routes"]
        names = {entity["name"] for entity in entities}
        whole = sum(route["traffic_percentage"] for route in routes) == 100
        if not whole or any(route["served_model_name"] not in names for route in routes):
            raise Refused(400, "INVALID_PARAMETER_VALUE", "The traffic does not fit the entities.")
        state = _state("DEPLOYMENT_CREATING", "Creating the image")
        endpoint.pending = {
            "served_entities": [{**entity, "state": state} for entity in entities],
            "traffic_config": {"routes": routes},
        }
        endpoint.update, endpoint.polls_left = "IN_PROGRESS", self.polls or 0

    def _poll(self, endpoint: Endpoint) -> None:
        if endpoint.update != "IN_PROGRESS" or self.polls is None:
            return
        endpoint.polls_left -= 1
        pending = endpoint.pending
        if endpoint.polls_left > 0 or pending is None:
            return
        if all(self._load(endpoint, entity) for entity in pending["served_entities"]):
            endpoint.config, endpoint.pending = pending, None
            endpoint.update = "NOT_UPDATING"
        else:
            endpoint.update = "UPDATE_FAILED"

    def _load(self, endpoint: Endpoint, entity: dict[str, Any]) -> bool:
        import mlflow.pyfunc

        log = endpoint.logs.setdefault(entity["name"], ["Installing the requirements"])
        folder = self._models.folder(entity["entity_name"], entity["entity_version"])
        try:
            endpoint.models[entity["name"]] = mlflow.pyfunc.load_model(str(folder))
        except Exception as error:
            log.append(f"{type(error).__name__}: {error}")
            entity["state"] = _state("DEPLOYMENT_FAILED", "The model could not be loaded.")
            return False
        log.append("The model is loaded")
        entity["state"] = _state("DEPLOYMENT_READY", "")
        return True

    def _endpoint(self, match: re.Match[str]) -> Endpoint:
        if match[1] not in self.endpoints:
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"Endpoint {match[1]} does not exist.")
        return self.endpoints[match[1]]


def _known(given: dict[str, Any], keys: set[str]) -> None:
    if extra := set(given) - keys:
        raise Refused(400, "MALFORMED_REQUEST", f"Unknown fields {sorted(extra)}.")


def _state(deployment: str, message: str) -> dict[str, str]:
    return {"deployment": deployment, "deployment_state_message": message}
