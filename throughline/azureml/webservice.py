"""What the web services of Azure ML have in common: their names, what they run, their logs."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from throughline.azureml.entry_script import NAME, source_directory
from throughline.azureml.refusals import reason
from throughline.deployment.target import ModelVersion
from throughline.errors import UserError

if TYPE_CHECKING:
    from azureml.core import Environment, Workspace
    from azureml.core.model import InferenceConfig
    from azureml.core.webservice import Webservice

READ_LINES = 200
_SHOWN_LINES = 8
_RAISED = re.compile(r"(\w+\.)*\w*(Error|Exception|Exit|Interrupt)(: .*)?")
"""The line of a log with what was raised. Azure's server goes on after it, and ends later."""
_RAISED_SHOWN = 3
_NAME_CHARACTERS = 32

_TALKATIVE = ("azureml.core.environment", "azureml.core.model")
"""Loggers of the SDK that warn of what is meant so: the server's package, a variable."""

Service = TypeVar("Service", bound="Webservice")


def service_name(model: str) -> str:
    """The name of a model's service: lower case, dashes, 3 to 32 characters, a letter first."""
    kept = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
    kept = kept if kept[:1].isalpha() else f"m-{kept}"
    return kept[:_NAME_CHARACTERS].rstrip("-").ljust(3, "0")


def version_name(model: ModelVersion) -> str:
    """What an endpoint calls a version of a model."""
    return f"version-{model.version}"


def find_service(workspace: "Workspace", name: str, kind: type[Service]) -> Service | None:
    """The service of that name; None if there is none.

    Raises:
        UserError: There is one, but of another kind.
    """
    from azureml.core.webservice import Webservice
    from azureml.exceptions import WebserviceException

    try:
        found = Webservice(workspace, name)
    except WebserviceException as error:
        if "WebserviceNotFound" in str(error):
            return None
        raise
    if type(found) is not kind:
        raise UserError(
            f"The workspace {workspace.name} has a service {name} of another kind "
            f"({found.compute_type}); delete it, or give the model another name."
        )
    return found


@contextmanager
def inference_config(
    model: ModelVersion, environment: "Environment"
) -> Iterator["InferenceConfig"]:
    """What a service of a version runs: the entry script and this package in the environment."""
    from azureml.core.model import InferenceConfig

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    with source_directory(model) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # that the SDK is retired, with each call
        yield InferenceConfig(NAME, source_directory=str(folder), environment=environment)


def wait_for(service: "Webservice", seconds: float) -> None:
    """Waits until the change of a service has come about.

    Args:
        service: The service, as it was changed.
        seconds: How long to wait.

    Raises:
        UserError: It did not, with what the workspace tells and the errors in the log; or it takes
            longer.
    """
    from azureml.exceptions import WebserviceException

    try:
        service.wait_for_deployment(timeout_sec=seconds)
    except WebserviceException as error:
        if "exceeded timeout" in str(error):
            raise UserError(
                f"The service {service.name} was not ready within {seconds / 60:g} minutes"
                f"{_log_of(service)}"
            ) from None
        raise UserError(
            f"The service {service.name} did not become healthy ({reason(error)}){_log_of(service)}"
        ) from None
    if service.state != "Healthy":
        raise UserError(
            f"The service {service.name} did not become healthy ({service.state}){_log_of(service)}"
        )


def last_lines(service: "Webservice", lines: int) -> list[str]:
    """The last lines of a service's log that are not blank."""
    text = service.get_logs(num_lines=lines) or ""
    return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]


def end_of_log(lines: list[str]) -> str:
    """What a sentence shows of a log: the errors that were raised last, or its last lines."""
    raised = [line for line in lines if _RAISED.fullmatch(line)]
    return " | ".join(raised[-_RAISED_SHOWN:] or lines[-_SHOWN_LINES:])


def _log_of(service: "Webservice") -> str:
    from azureml.exceptions import WebserviceException

    try:
        shown = end_of_log(last_lines(service, READ_LINES))
    except WebserviceException:  # of what never started there is none
        shown = ""
    return f"; its log ends: {shown}" if shown else ""
