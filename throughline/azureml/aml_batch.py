"""The target aml-batch: a pipeline that scores files of rows, on machines that are there for it."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from throughline.azureml import batch_job, pipeline_endpoint, scoring_client
from throughline.azureml.batch_cluster import ClusterOptions, cluster
from throughline.azureml.refusals import raise_with, refusals
from throughline.azureml.served_model import tags_of, version_in
from throughline.azureml.webservice import service_name
from throughline.deployment.smoke import smoke_check
from throughline.deployment.target import Deployment, ModelVersion
from throughline.deployment.versions import fetched
from throughline.errors import UserError

if TYPE_CHECKING:
    from azureml.core import Workspace
    from azureml.pipeline.core import PipelineEndpoint

logger = logging.getLogger(__name__)


class AmlBatchOptions(ClusterOptions):
    """The machines, and how long they may take.

    Attributes:
        limit_minutes: How long a run may take; the workspace builds an image for the first.
    """

    limit_minutes: float = Field(120, gt=0)


class AmlBatchTarget:
    """Scores files with each model by a pipeline endpoint of its own.

    Args:
        workspace: The workspace.
        options: Which machines.
        poll_seconds: The time between two looks at a run.
    """

    def __init__(
        self, workspace: "Workspace", options: AmlBatchOptions, poll_seconds: float = 5.0
    ) -> None:
        self.workspace, self.options, self.poll_seconds = workspace, options, poll_seconds

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the endpoint run this version by default; see ``DeploymentTarget.deploy``.

        The pipeline has to score the model's input example rightly before it is published, so one
        that fails leaves everything as it was, but for the cluster. The pipelines of versions
        before stay in the endpoint, by their numbers there.
        """
        with refusals(f"to deploy {model.uri}"), ExitStack() as opened:
            old, served = self._find(model.name)
            if old and served == model:
                cluster(self.workspace, self.options)  # it may have been removed since
                logger.info("%s runs %s already", old.name, model.uri)
                return self._deployment(old, model, "unchanged")
            files = Path(opened.enter_context(fetched(model)))
            check = smoke_check(str(files), model.uri)
            if check is None:
                raise UserError(
                    f"{model.uri} has no input example, which a pipeline is tried with; save the "
                    "model with one."
                )
            machines = batch_job.Machines(cluster(self.workspace, self.options), self.options.nodes)
            name, started = endpoint_name(model.name), time.monotonic()
            with self._told_what_stays(served):
                rows = batch_job.uploaded(self.workspace, name, check.request)
                job = batch_job.pipeline_of(self.workspace, machines, model, files, rows)
                with job as pipeline:
                    run = pipeline.submit(name)
                    answer = self._predictions(run)
                    scoring_client.compare(model, check, run.get_portal_url(), answer)
                    told = json.dumps(tags_of(model))
                    made = pipeline_endpoint.publish(self.workspace, pipeline, name, told)
        change, seconds = "replaced" if old else "started", time.monotonic() - started
        return replace(self._deployment(made, model, change), startup_seconds=seconds)

    def status(self, name: str) -> Deployment | None:
        """Tells which version the endpoint runs by default; None if there is no endpoint."""
        with refusals(f"to tell what scores {name}"):
            found, served = self._find(name)
            return self._deployment(found, served) if found and served else None

    def predict(self, name: str, request: dict[str, Any]) -> Any:
        """Runs the published pipeline on the rows of a request; returns its predictions.

        The request stays on the workspace's default datastore, and so do the predictions.

        Args:
            name: The model's name.
            request: In one of MLflow's JSON forms.

        Raises:
            UserError: There is no endpoint, or the run fails, as it does if the model refuses the
                request; or it takes too long.
        """
        with refusals(f"to score rows with {name}"):
            endpoint, _ = self._find(name)
            if endpoint is None:
                raise UserError(
                    f"The workspace {self.workspace.name} has no pipeline endpoint "
                    f"{endpoint_name(name)}; deploy {name} first."
                )
            rows = batch_job.uploaded(self.workspace, endpoint.name, request)
            run = endpoint.submit(endpoint.name, pipeline_parameters={batch_job.INPUT: rows})
            return self._predictions(run)

    def logs(self, name: str, lines: int = 50) -> list[str]:
        """Returns the last lines of the log of the last run that this target started.

        Raises:
            UserError: None was started.
        """
        from azureml.core import Experiment

        with refusals(f"to show the log of {name}"):
            experiment = Experiment(self.workspace, endpoint_name(name))
            run = next(iter(experiment.get_runs()), None)
            if run is None:
                raise UserError(f"No pipeline has scored rows with {name}; deploy it first.")
            return batch_job.last_lines(run, lines)

    def delete(self, name: str) -> Deployment | None:
        """Archives the endpoint and disables its pipelines; returns what it was, or None.

        The cluster stays, without machines, and so do the runs and what they read and wrote.
        """
        with refusals(f"to end what scores {name}"):
            found, served = self._find(name)
            if found is None or served is None:
                return None
            gone = replace(self._deployment(found, served), healthy=False)
        pipeline_endpoint.remove(self.workspace, found.name)
        return gone

    def _predictions(self, run: Any) -> Any:
        limit = self.options.limit_minutes * 60
        return batch_job.predictions_of(run, self.poll_seconds, limit)

    def _find(self, model: str) -> "tuple[PipelineEndpoint | None, ModelVersion | None]":
        """The model's endpoint, and the version it runs by default; None for both if there is none.

        Raises:
            UserError: There is one of that name, but it is not this model's.
        """
        found = pipeline_endpoint.find(self.workspace, endpoint_name(model))
        served = _served(found) if found else None
        if found and (served is None or served.name != model):
            raise UserError(
                f"The pipeline endpoint {found.name} of the workspace {self.workspace.name} runs "
                f"something else, {served.name if served else 'nothing of this project'}; archive "
                "it, or give the model another name."
            )
        return found, served

    @contextmanager
    def _told_what_stays(self, served: ModelVersion | None) -> Iterator[None]:
        """Adds to a sentence what goes on being deployed."""
        try:
            yield
        except Exception as error:
            stays = f"version {served.version} stays deployed" if served else ""
            note = stays or "nothing is deployed, as before"
            raise_with(error, note, "The pipeline was refused ({})")

    def _deployment(
        self, endpoint: "PipelineEndpoint", model: ModelVersion, change: Any = "found"
    ) -> Deployment:
        return Deployment(
            model,
            str(endpoint.endpoint),
            None,
            f"pipeline endpoint {endpoint.name} of the workspace {self.workspace.name}",
            endpoint.status == "Active",
            change,
            scoring_path="",
        )


def endpoint_name(model: str) -> str:
    """The name of a model's endpoint, and of the experiment with its runs."""
    return f"{service_name(model)}-batch"


def _served(endpoint: "PipelineEndpoint") -> ModelVersion | None:
    """The version that an endpoint's default pipeline scores with, by what that tells of itself."""
    description = endpoint.get_pipeline().description or ""
    with suppress(ValueError):
        told = json.loads(description)
        return version_in(told) if isinstance(told, dict) else None
    return None
