"""What the web services of Azure ML have in common: their names, keys, answers and logs."""

import ast
import contextlib
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from throughline.azureml.entry_script import NAME, source_directory
from throughline.deployment.smoke import SmokeCheck
from throughline.deployment.target import ModelVersion
from throughline.errors import UserError

if TYPE_CHECKING:
    from azureml.core import Environment, Workspace
    from azureml.core.model import InferenceConfig
    from azureml.core.webservice import Webservice

logger = logging.getLogger(__name__)

HEADER = "Authorization: Bearer $AZUREML_ENDPOINT_KEY"
"""What a request by hand needs, as a shell fills it in; the workspace's pages show the key."""
PATH = "/score"
_SHOWN_LINES = 8
_NAME_CHARACTERS = 32

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

    with source_directory(model) as folder:
        yield InferenceConfig(NAME, source_directory=str(folder), environment=environment)


def wait_for(service: "Webservice", seconds: float) -> None:
    """Waits until the change of a service has come about.

    Args:
        service: The service, as it was changed.
        seconds: How long to wait.

    Raises:
        UserError: It did not, with what the workspace tells and the last lines of the log; or it
            takes longer.
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


def ask(url: str, key: str, request: dict[str, Any], **headers: str) -> Any:
    """Sends a request in one of MLflow's JSON forms to a service; returns its predictions.

    Args:
        url: Where it scores.
        key: One of its keys; empty if it asks for none.
        request: The request.
        headers: What else to send, with ``_`` for ``-`` in the names.

    Raises:
        UserError: It gives no answer, or refuses the request.
    """
    return answer_of(url, key, request, **headers)["predictions"]


def answer_of(url: str, key: str, request: Any, **headers: str) -> Any:
    """As :func:`ask`, with the whole parsed answer."""
    import requests

    more = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        answer = requests.post(
            url, json=request, headers={**more, **_authorization(key)}, timeout=60
        )
    except requests.RequestException as error:
        raise UserError(
            f"{url} gave no answer ({type(error).__name__}); look at its log."
        ) from None
    try:
        content = answer.json()
    except ValueError:
        content = {"message": " ".join(answer.text.split())[:200]}
    if not answer.ok:
        told = content.get("message") if isinstance(content, dict) else content
        raise UserError(f"{url} answered {answer.status_code}: {told}")
    return content


def _authorization(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def compare(model: ModelVersion, check: SmokeCheck | None, url: str, answer: Any) -> None:
    """Compares an answer to the input example with the model's in process.

    Raises:
        UserError: They differ.
    """
    if check is None:
        logger.warning("%s has no input example; its answers are not checked", model.uri)
    elif not check.agrees(answer):
        raise UserError(
            f"{url} answered {str(answer)[:200]} to the input example of {model.uri} where the "
            f"model in process gives {str(check.predictions)[:200]}"
        )


@contextmanager
def workspace_errors(workspace: str) -> Iterator[None]:
    """Turns errors of the SDK in the block into a user's mistake; what it prints goes to stderr."""
    import requests

    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except requests.RequestException as error:
        raise UserError(
            f"The workspace {workspace} does not answer ({type(error).__name__}); check the "
            "network and HTTPS_PROXY."
        ) from None
    except Exception as error:
        if not is_told(error):
            raise
        raise UserError(f"The workspace {workspace} answers: {reason(error)}.") from None


def is_told(error: Exception) -> bool:
    """Whether it is an error of the SDK, of which :func:`reason` tells."""
    from azure.core.exceptions import AzureError
    from azureml._common.exceptions import AzureMLException
    from msrest.exceptions import ClientException

    return isinstance(error, AzureMLException | AzureError | ClientException)


def reason(error: Exception) -> str:
    """What an error of the SDK tells in the end, as one short line without a full stop.

    The SDK repeats whole responses; of their JSON the innermost message is what helps.
    """
    text = str(getattr(error, "message", "") or error)
    of_manager = str(getattr(getattr(error, "error", None), "message", "") or "")
    return _short(_innermost(_json_in(text)) or of_manager or text)


def _json_in(text: str) -> Any:
    """The JSON in the text of an error: behind ``Content:``, as bytes of Python, or at the end."""
    if found := re.search(r"Content: (b(['\"]).*\2)\s*$", text, re.DOTALL):
        with contextlib.suppress(ValueError, SyntaxError):
            return json.loads(ast.literal_eval(found[1]))
    if "{" in text:
        with contextlib.suppress(ValueError):
            return json.JSONDecoder(strict=False).raw_decode(text[text.index("{") :])[0]
    return None


def _innermost(told: Any) -> str:
    if not isinstance(told, dict):
        return ""
    inner = told.get("error")
    details = told.get("details") or []
    below = _innermost(inner) or next(filter(None, map(_innermost, details)), "")
    return below or str(told.get("message") or "")


def _log_of(service: "Webservice") -> str:
    from azureml.exceptions import WebserviceException

    try:
        shown = " | ".join(last_lines(service, _SHOWN_LINES))
    except WebserviceException:  # of what never started there is none
        shown = ""
    return f"; its log ends: {shown}" if shown else ""


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= 300 else f"{line[:300]}..."
