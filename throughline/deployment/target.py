"""The interface of a deployment target, and what it says about a deployment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion as Registered


ENDPOINT = "endpoint.json"
"""The artifact of a run of deploy with what people have to know of the endpoint."""


@dataclass(frozen=True)
class ModelVersion:
    """One fixed version of a registered model.

    ``run_id`` and ``source`` tell two versions with the same name and number in two tracking
    stores apart.
    """

    name: str
    version: str
    run_id: str
    source: str

    @classmethod
    def of(cls, found: "Registered") -> "ModelVersion":
        """The version that a registry told of."""
        return cls(found.name, str(found.version), found.run_id or "", found.source or "")

    @property
    def uri(self) -> str:
        """The MLflow URI of exactly this version."""
        return f"models:/{self.name}/{self.version}"

    def may_be(self, wanted: "ModelVersion") -> bool:
        """Whether this version, as a target tells of it, is the wanted one.

        An endpoint of a workspace tells neither run nor source: what is empty here is no
        difference.
        """
        return (
            (self.name, self.version) == (wanted.name, wanted.version)
            and self.run_id in ("", wanted.run_id)
            and self.source in ("", wanted.source)
        )


@dataclass(frozen=True)
class Deployment:
    """A model version at an address.

    Attributes:
        model: The version that is served.
        url: Where it answers, without a slash at the end.
        pid: Its process, where the target has one on this machine.
        log: The path or address of its log.
        healthy: Whether it answered when it was last asked.
        change: What ``deploy`` did; ``found`` for an answer of ``status``.
        startup_seconds: From the start of the server to its first answer; None if not started now.
        header: What a request needs besides its content, as a shell writes it; often nothing.
        scoring_path: Where below the address a request goes; empty if none can be sent there.
        table_key: What the address calls a table (``dataframe_split``), if not that.
        files: The folder with the model's files, where the target keeps one on this machine.
        token: The fingerprint of this machine's token when it was started, if it asks for that.
        limits: What it takes on, where this machine's settings say it.
    """

    model: ModelVersion
    url: str
    pid: int | None
    log: str
    healthy: bool
    change: Literal["started", "replaced", "unchanged", "found"] = "found"
    startup_seconds: float | None = None
    header: str = ""
    scoring_path: str = "/invocations"
    table_key: str = ""
    files: str = ""
    token: str = ""
    limits: str = ""


class DeploymentTarget(Protocol):
    """A place where a registered model can be served. A deployment is known by its model's name."""

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the target serve this version, and does nothing if it already does.

        Raises:
            UserError: It could not be brought up, or answered differently from the model in
                process. What was deployed before is deployed still.
        """

    def status(self, name: str) -> Deployment | None:
        """Tells what serves the model now; None if nothing does."""

    def predict(self, name: str, request: dict[str, Any]) -> Any:
        """Sends a request in one of MLflow's JSON forms and returns its predictions."""

    def logs(self, name: str, lines: int = 50) -> list[str]:
        """Returns the last lines of the deployment's log."""

    def delete(self, name: str) -> Deployment | None:
        """Ends the deployment; returns what it was, or None if there was nothing to end."""
