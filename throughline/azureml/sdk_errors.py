"""What goes wrong in the SDK of Azure ML, as one sentence."""

import ast
import contextlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from throughline.errors import UserError


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


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= 300 else f"{line[:300]}..."
