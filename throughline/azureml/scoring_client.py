"""Requests to the scoring address of a service, and what its answers are compared with."""

import logging
from typing import Any

from throughline.deployment.smoke import SmokeCheck
from throughline.deployment.target import ModelVersion
from throughline.errors import UserError

logger = logging.getLogger(__name__)

HEADER = "Authorization: Bearer $AZUREML_ENDPOINT_KEY"
"""What a request by hand needs, as a shell fills it in; the workspace's pages show the key."""
PATH = "/score"


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


def _authorization(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
