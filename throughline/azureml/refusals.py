"""What a workspace refuses, as one sentence, whichever of the SDK's clients was told."""

import ast
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from throughline.errors import UserError

_CONTENT = re.compile(r"Response Code: (\d+).*?Content: (b'.*'|b\".*\")", re.DOTALL)
"""How the SDK words an answer of the resource manager."""
_HINTS = {
    "QuotaExceeded": "detach or delete computes that nobody uses, or ask for a higher quota",
    "AuthorizationFailed": "ask the workspace's owner for the role Contributor",
    "Forbidden": "ask the workspace's owner for the role AzureML Data Scientist",
}


@contextmanager
def refusals(doing: str) -> Iterator[None]:
    """Turns what the SDK raises in the block into a user's mistake.

    Args:
        doing: What the workspace was asked for, as in ``to attach the compute x``.
    """
    import requests
    from azure.core.exceptions import AzureError
    from azureml._common.exceptions import AzureMLException
    from msrest.exceptions import ClientRequestError, HttpOperationError

    try:
        yield
    except (requests.ConnectionError, requests.Timeout, ClientRequestError):
        raise UserError(
            f"Azure ML does not answer when it is asked {doing}; check the network and HTTPS_PROXY."
        ) from None
    except (AzureMLException, HttpOperationError, AzureError) as error:
        code, reason = told_by(error)
        said = f"{reason} ({code})" if code else reason
        hint = f"; {_HINTS[code]}" if code in _HINTS else ""
        raise UserError(f"Azure ML refuses {doing}: {said}{hint}.") from None


def told_by(error: BaseException) -> tuple[str, str]:
    """The code and the reason, in short, that the service gave; the code may be empty."""
    text = str(getattr(error, "message", "") or error)
    if found := _CONTENT.search(text):
        return _told(ast.literal_eval(found[2]).decode(), found[1])
    answer = getattr(error, "response", None)
    body = getattr(answer, "text", "")
    if answer is not None and (told := body() if callable(body) else body):
        return _told(told, str(answer.status_code))
    return "", _short(text)


def _told(text: str, status: str) -> tuple[str, str]:
    try:
        content: dict[str, Any] = json.loads(text)
        error = content.get("error") or content["Error"]
        code, message = (error.get(name) or error.get(name.title()) for name in ("code", "message"))
    except (ValueError, KeyError, AttributeError):
        return status, _short(text) or "no reason is given"
    return str(code or status), _short(str(message or "no reason is given"))


def _short(text: str) -> str:
    line = " ".join(text.split()).partition(". ")[0].rstrip(".")
    return line if len(line) <= 200 else f"{line[:200]}..."
