"""Azure ML's tracking store, opened as who we are, before MLflow's plugin for it asks somebody.

By itself the plugin tries one way to log in after the other, and at last opens a browser or waits
for a code that nobody types. With ``MLFLOW_TRACKING_TOKEN`` and ``MLFLOW_RUN_ID`` of another server
in the environment it would send that token and that run to Azure ML. It does neither for a store
that was opened here.
"""

import os
from functools import cache
from types import SimpleNamespace

from throughline.errors import UserError

SCHEME = "azureml://"
_JOB = "AZUREML_RUN_ID"
"""Set in Azure ML's jobs, whose environment has a token of their own for the store."""


def open_azure_store(uri: str) -> None:
    """Logs in to a tracking store, once; does nothing for one that is not Azure ML's.

    Raises:
        UserError: The URI is incomplete, or nobody is logged in to Azure.
    """
    if uri.startswith(SCHEME) and _JOB not in os.environ:
        _open(uri)


@cache
def _open(uri: str) -> None:
    from azureml.mlflow import get_mlflow_tracking_uri_v2

    from throughline.azure_identity import log_in

    host, names = _parsed(uri)
    context = {**names, "host_url": f"https://{host}", "auth": log_in()}
    get_mlflow_tracking_uri_v2(SimpleNamespace(ml_flow_tracking_uri=uri), context)


def job_environment() -> dict[str, str]:
    """What a process that a step starts in Azure ML's jobs logs in by, besides the run's token.

    MLflow takes it out of the environment once it has the run.
    """
    if _JOB not in os.environ:
        return {}
    experiment = os.environ["AZUREML_ARM_PROJECT_NAME"]
    return {"MLFLOW_RUN_ID": os.environ[_JOB], "MLFLOW_EXPERIMENT_NAME": experiment}


def studio_page(uri: str, run_id: str) -> str:
    """Where a run of a tracking store is shown; empty for a store that is not Azure ML's."""
    if not uri.startswith(SCHEME):
        return ""
    scope = uri[uri.index("/subscriptions/") :].partition("?")[0]
    return f"https://ml.azure.com/runs/{run_id}?wsid={scope}"


def _parsed(uri: str) -> tuple[str, dict[str, str]]:
    """The host of a store, and the names of its workspace."""
    host, _, path = uri.removeprefix(SCHEME).partition("?")[0].partition("/")
    parts = path.split("/")
    named = {part.lower(): value for part, value in zip(parts, parts[1:], strict=False)}
    try:
        return host, {
            "subscription_id": named["subscriptions"],
            "resource_group_name": named["resourcegroups"],
            "workspace_name": named["workspaces"],
        }
    except KeyError:
        raise UserError(
            f"The tracking URI {uri} names no workspace; take the one that python -m "
            "throughline.azureml prints."
        ) from None
