"""The steps of a chain as jobs on Databricks, driven from outside.

Each step is a Spark job of its own. What uploads the project and submits the job is MLflow's own
runner, one layer below ``mlflow.projects.run``: that function writes keys of its own (ENV_MANAGER,
SYNCHRONOUS, ...) into the cluster that it sends, and gives no id of the run of a failed submit.
"""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.checkout import project_root
from throughline.databricks.checks import (
    check_data_root,
    check_experiment,
    check_parameters,
    check_registry,
    check_tracking,
)
from throughline.databricks.cluster_file import read_cluster_file
from throughline.databricks.job_run import JobRun
from throughline.databricks.workspace import open_workspace
from throughline.errors import UserError
from throughline.packaging.databricks import add_recipe, write_databricks
from throughline.settings import POLL_SECONDS, number_in
from throughline.step import FAILURE

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

logger = logging.getLogger(__name__)

START_MINUTES = "THROUGHLINE_CLUSTER_START_MINUTES"


@dataclass(frozen=True)
class DatabricksBackend:
    """Runs each step as a job, on a new cluster.

    Attributes:
        workspace: Where the jobs run.
        cluster: What a cluster file says.
        variant: The project as Spark jobs, in a folder that goes when the backend does.
        poll_seconds: The time between two looks at a job.
        start_minutes: How long a cluster may take to start.
    """

    workspace: "WorkspaceClient"
    cluster: dict[str, Any]
    variant: "tempfile.TemporaryDirectory[str]"
    poll_seconds: float
    start_minutes: float

    @classmethod
    def open(cls, config: str, data_root: str) -> "DatabricksBackend":
        """Looks whether jobs can run; starts none.

        Args:
            config: The path of a cluster file.
            data_root: Where tables will be written.

        Raises:
            UserError: Something does not fit; nothing is started.
        """
        if config == "none":
            raise UserError("Backend databricks needs backend_config, a cluster's JSON file.")
        cluster = read_cluster_file(config)
        poll_seconds, start_minutes = number_in(POLL_SECONDS, 5.0), number_in(START_MINUTES, 30.0)
        check_data_root(data_root)
        check_tracking()
        check_experiment()
        check_registry()
        workspace = open_workspace()
        environment = {"MLFLOW_REGISTRY_URI": "databricks", **cluster.get("spark_env_vars", {})}
        variant = tempfile.TemporaryDirectory(prefix="throughline-databricks-")
        write_databricks(project_root(), Path(variant.name))
        return cls(
            workspace,
            {**cluster, "spark_env_vars": environment},
            variant,
            poll_seconds,
            start_minutes,
        )

    def run(self, step: str, parameters: dict[str, str]) -> str:
        """Runs an entry point as a job, below the active run; see ``Backend.run``."""
        import mlflow
        from mlflow.utils.mlflow_tags import (
            MLFLOW_DATABRICKS_RUN_URL,
            MLFLOW_DATABRICKS_SHELL_JOB_RUN_ID,
        )

        if "recipe" in parameters:
            sent = add_recipe(Path(self.variant.name), Path(parameters["recipe"]))
            parameters = {**parameters, "recipe": sent}
        check_parameters(step, parameters)
        client = mlflow.MlflowClient()
        run_id = self._create_run(step, parameters)
        try:
            job = self._submit(step, parameters, run_id)
        except BaseException:
            _end(run_id, "FAILED")  # MLflow leaves it running
            raise
        try:
            client.set_tag(run_id, MLFLOW_DATABRICKS_SHELL_JOB_RUN_ID, job.number)
            client.set_tag(run_id, MLFLOW_DATABRICKS_RUN_URL, page := job.url)
            logger.info("%s: job run %d at %s", step, job.number, page)
            wrong = job.wait(self.poll_seconds, self.start_minutes)
        except UserError:  # nothing is left to cancel, or it cannot be
            _end(run_id, "FAILED")
            raise
        except BaseException:
            job.cancel()
            _end(run_id, "KILLED")
            raise
        _end(run_id, "FAILED" if wrong else "FINISHED")
        if wrong:
            if sentence := client.get_run(run_id).data.tags.get(FAILURE):
                raise UserError(sentence)
            raise RuntimeError(f"{wrong}; see {page}.")
        return run_id

    def deploys_to(self) -> str:
        """A serving endpoint of the workspace."""
        return "databricks"

    def shares_data(self) -> bool:
        """No: only the cluster reaches mounts, volumes and its own packages."""
        return False

    def _create_run(self, step: str, parameters: dict[str, str]) -> str:
        import mlflow
        from mlflow.projects.utils import get_or_create_run
        from mlflow.utils.mlflow_tags import MLFLOW_PROJECT_BACKEND, MLFLOW_RUN_NAME

        active = mlflow.active_run()
        if active is None:
            raise RuntimeError("steps on Databricks need an active run")
        folder, experiment = self.variant.name, active.info.experiment_id
        made = get_or_create_run(None, folder, experiment, folder, None, step, parameters)
        run_id = str(made.info.run_id)
        for tag, value in ((MLFLOW_PROJECT_BACKEND, "databricks"), (MLFLOW_RUN_NAME, step)):
            mlflow.MlflowClient().set_tag(run_id, tag, value)
        return run_id

    def _submit(self, step: str, parameters: dict[str, str], run_id: str) -> JobRun:
        import mlflow
        from mlflow.exceptions import RestException
        from mlflow.projects._project_spec import load_project
        from mlflow.projects.databricks import DatabricksJobRunner

        runner = DatabricksJobRunner(mlflow.get_tracking_uri())
        folder = self.variant.name
        try:
            number = runner.run_databricks_spark_job(
                project_uri=step,
                work_dir=folder,
                experiment_id=mlflow.get_run(run_id).info.experiment_id,
                cluster_spec=self.cluster,
                run_id=run_id,
                project_spec=load_project(folder),
                entry_point=step,
                parameters=parameters,
            )
        except RestException as error:
            if error.get_http_status_code() >= 500:
                raise
            raise UserError(f"Databricks refused the job of {step}: {error.message}") from None
        return JobRun(self.workspace, int(number), step)


def _end(run_id: str, status: str) -> None:
    """Ends a run that its step did not end, if the tracking store lets us."""
    import mlflow
    from mlflow.exceptions import MlflowException

    client = mlflow.MlflowClient()
    try:
        if client.get_run(run_id).info.status == "RUNNING":
            client.set_terminated(run_id, status)
    except MlflowException:
        return
