"""What Azure ML refuses, as one sentence, whichever of the SDK's clients was told."""

import ast
import contextlib
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from throughline.errors import UserError

logger = logging.getLogger(__name__)

_CONTENT = re.compile(r"Content: (b(['\"]).*\2)\s*$", re.DOTALL)
"""How the SDK words an answer of the resource manager."""
_HINTS = {
    "QuotaExceeded": "detach or delete computes that nobody uses, or ask for a higher quota",
    "AuthorizationFailed": "ask the workspace's owner for the role Contributor",
    "Forbidden": "ask the workspace's owner for the role AzureML Data Scientist",
}


@contextmanager
def refusals(doing: str, *also: type[Exception]) -> Iterator[None]:
    """Turns what the SDK raises in the block into a user's mistake; what it prints goes to stderr.

    Args:
        doing: What Azure ML was asked, as in ``to attach the compute x``.
        also: Errors that are the SDK's here, besides its own.
    """
    import requests
    from msrest.exceptions import ClientRequestError

    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (requests.RequestException, ClientRequestError) as error:
        raise UserError(
            f"Azure ML does not answer when it is asked {doing} ({type(error).__name__}); check "
            "the network and HTTPS_PROXY."
        ) from None
    except Exception as error:
        if not is_told(error) and not isinstance(error, also):
            raise
        code = code_of(error)
        said = f"{reason(error)} ({code})" if code else reason(error)
        hint = f"; {_HINTS[code]}" if code in _HINTS else ""
        raise UserError(f"Azure ML refuses {doing}: {said}{hint}.") from None


def raise_with(error: Exception, note: str, told: str = "{}") -> NoReturn:
    """Raises an error again; its sentence ends with what is deployed now.

    Args:
        error: What was raised; a bug is raised as it is, and the note logged.
        note: What is deployed now, without a full stop.
        told: The sentence for an error of the SDK, with ``{}`` for what it tells.

    Raises:
        UserError: The error is one, or one of the SDK.
    """
    if not isinstance(error, UserError) and not is_told(error):
        logger.error("%s", note)
        raise error
    said = str(error) if isinstance(error, UserError) else told.format(reason(error))
    raise UserError(f"{said.rstrip('.')}; {note}.") from None


@contextmanager
def undone_on_error(undo: Callable[[], str], interrupted: str, told: str = "{}") -> Iterator[None]:
    """Brings back what was there before, if the block fails; the sentence ends with what it is.

    Args:
        undo: Brings it back; returns what became of it, without a full stop.
        interrupted: What is logged if a person ends the block: nothing is undone then.
        told: The sentence for an error of the SDK, with ``{}`` for what it tells.

    Raises:
        UserError: As :func:`raise_with`.
    """
    try:
        yield
    except Exception as error:
        try:
            note = undo()
        except Exception as second:
            note = f"nor did what was there before come back ({reason(second)})"
        raise_with(error, note, told)
    except BaseException:
        logger.warning("%s", interrupted)
        raise


def is_told(error: Exception) -> bool:
    """Whether it is an error of the SDK, of which :func:`reason` tells."""
    from azure.core.exceptions import AzureError
    from azureml._common.exceptions import AzureMLException
    from msrest.exceptions import ClientException

    return isinstance(error, AzureMLException | AzureError | ClientException)


def code_of(error: Exception) -> str:
    """The service's name for what is wrong, as in ``QuotaExceeded``; empty where it has none."""
    answer = _answer(error)
    inner = answer.get("error") or answer.get("Error") or answer
    return str(inner.get("code") or inner.get("Code") or "") if isinstance(inner, dict) else ""


def reason(error: Exception) -> str:
    """What an error of the SDK tells in the end, as one short line without a full stop.

    The SDK repeats whole responses; of their JSON the innermost message is what helps.
    """
    of_manager = str(getattr(getattr(error, "error", None), "message", "") or "")
    return _short(_innermost(_answer(error)) or of_manager or _text(error))


def _text(error: Exception) -> str:
    return str(getattr(error, "message", "") or error)


def _answer(error: Exception) -> dict[str, Any]:
    """The JSON that the service answered: in the error's text, or in the response it keeps."""
    text = _text(error)
    if found := _CONTENT.search(text):
        with contextlib.suppress(ValueError, SyntaxError):
            return _object(ast.literal_eval(found[1]).decode())
    kept = getattr(getattr(error, "response", None), "text", "")
    return _object(text) or _object(str(kept() if callable(kept) else kept))


def _object(text: str) -> dict[str, Any]:
    """The first JSON object of a text; empty if it has none."""
    with contextlib.suppress(ValueError):
        found = json.JSONDecoder(strict=False).raw_decode(text[text.index("{") :])[0]
        return found if isinstance(found, dict) else {}
    return {}


def _innermost(told: Any) -> str:
    if not isinstance(told, dict):
        return ""
    inner = told.get("error") or told.get("Error")
    details = told.get("details") or []
    below = _innermost(inner) or next(filter(None, map(_innermost, details)), "")
    return below or str(told.get("message") or told.get("Message") or "")


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= 300 else f"{line[:300]}..."
