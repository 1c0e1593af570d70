"""A workspace's MLflow: a real server of it, less what Azure ML does not have.

Azure ML answers 404 with nothing in it to calls of logged models (MLflow 3). What it says to calls
of aliases and of a run's data sets, also younger than its API, is not documented; they are
answered the same.
Source of what searches may ask, and of what is told of a model: "Query and compare experiments and
runs with MLflow", "Manage model registries in Azure Machine Learning with MLflow" in
https://github.com/MicrosoftDocs/azure-ai-docs.
"""

import json
import re
from dataclasses import dataclass

from tests.emulators.azureml.resources import SERVICES, Resources
from tests.emulators.server import Answer, Refused, Request, Route
from tests.emulators.tracking_server import forward

MISSING = (
    "logged-models.*",
    "registered-models/alias",
    "runs/log-inputs",
    "runs/outputs",
    "runs/log-model",
)
"""What answers 404."""
IMMUTABLE = ("registered-models/rename", "registered-models/delete")


@dataclass(frozen=True, repr=False)
class Tracking:
    """Tracking and registry of a workspace.

    Attributes:
        resources: The workspace.
        url: Where the MLflow server answers.
    """

    resources: Resources
    url: str

    @property
    def address(self) -> str:
        """The tracking URI."""
        return f"azureml://{SERVICES}/mlflow/v2.0{self.resources.scope}"

    def routes(self) -> list[tuple[str, str, Route]]:
        calls = re.escape(f"{SERVICES}/mlflow/v2.0{self.resources.scope}/api/2.0/mlflow/")
        return [
            *(("*", calls + missing, self._missing) for missing in MISSING),
            *(("*", calls + immutable, self._immutable) for immutable in IMMUTABLE),
            ("POST", f"{calls}(runs/search)", self._search),
            ("*", f"{calls}(.+)", self._forward),
        ]

    def _missing(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer(b"", 404)

    def _immutable(self, request: Request, match: re.Match[str]) -> Answer:
        raise _refused("Registered models are immutable.")

    def _search(self, request: Request, match: re.Match[str]) -> Answer:
        asked = request.json
        condition = asked.get("filter", "")
        if re.search(r"tags\.\S+\s*!=", condition):
            raise _refused("The operator != is not supported for tags.")
        if re.search(r"\bOR\b", condition):
            raise _refused("The operator OR is not supported.")
        if wrong := [by for by in asked.get("order_by", []) if not by.startswith("attributes.")]:
            raise _refused(f"Ordering by {wrong[0]} is not supported.")
        asked["filter"] = re.sub(r"(attributes\.status\s*=\s*)'(\w+)'", _own_status, condition)
        return self._sent(request, match[1], json.dumps(asked).encode())

    def _forward(self, request: Request, match: re.Match[str]) -> Answer:
        return self._sent(request, match[1], request.body)

    def _sent(self, request: Request, call: str, body: bytes) -> Answer:
        answer = forward(request, f"{self.url}/api/2.0/mlflow/{call}", request.query, body)
        plain = rb'("artifact_uri": "azureml://[^"]*/experiments/\w+)/(\w+/artifacts")'
        return Answer(
            re.sub(plain, rb"\1/runs/\2", answer.body), answer.status, answer.content_type
        )


def _own_status(match: re.Match[str]) -> str:
    """A status by the name that Azure ML has for it, Finished; other spellings are of none."""
    return f"{match[1]}'{match[2].upper() if match[2].istitle() else 'NONE'}'"


def _refused(message: str) -> Refused:
    told = {"error_code": "INVALID_PARAMETER_VALUE", "message": message}
    return Refused(Answer.of(told, 400))
