"""Every error of the endpoint as one sentence in JSON, without a stack trace."""

import json
import logging
import re
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

HINT = "GET /model shows the columns"
MAX_CHARACTERS = 500
KEPT_HEADERS = ("retry-after", "connection", "allow", "www-authenticate")

# MLflow repeats the whole request in its messages. What the client needs is these parts of them.
SENTENCES = [
    (r"JSONDecodeError\('(.*?)'\)", "The body is not valid JSON: {}."),
    (r"Model is missing inputs \[(.*?)\]", f"These columns are missing: {{}}; {HINT}."),
    (
        r"Failed to convert column (.+?) to type '(.+?)'",
        f"Column {{}} is not of type {{}}; {HINT}.",
    ),
    (r"unexpected error while evaluating", f"The model could not score these values; {HINT}."),
]


def sentence(message: str) -> str:
    """Shortens a message of MLflow to what the client can mend."""
    for pattern, text in SENTENCES:
        if found := re.findall(pattern, message):
            # The last match is MLflow's own; the ones before may stand in the client's data.
            parts = found[-1] if isinstance(found[-1], tuple) else (found[-1],)
            return _short(text.format(*parts))
    message = message.split("IMPORTANT: ")[0].split("\nInput:")[0]
    if message.startswith("Failed to predict data"):
        message = message.rsplit("Error: ", 1)[-1]
    return _short(message.removeprefix("Invalid input. "))


def error_response(status: int, message: str, code: str = "", **headers: str) -> JSONResponse:
    """Makes the one form of all errors: ``error_code`` and ``message``."""
    body = {"error_code": code or HTTPStatus(status).name, "message": message}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(body, status, headers=names)


class PlainErrors:
    """ASGI middleware: holds back the errors of the application and rewrites them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        refusal = _refusal(scope)
        if refusal is None:
            held = _Held(send)
            try:
                await self.app(scope, receive, held.send)
                refusal = held.rewritten(scope)
            except (ValueError, RecursionError) as error:
                # Bytes that are no UTF-8, a number of too many digits, JSON nested too deep: the
                # client's, and 500 in MLflow.
                refusal = error_response(400, f"The body cannot be read: {_short(str(error))}.")
            except Exception:
                if held.passed:
                    raise
                logger.exception("a request failed")
                refusal = error_response(500, "The server failed; its log says why.")
        if refusal is not None:
            await refusal(scope, receive, send)


class _Held:
    """Passes an answer on, but keeps an error."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.passed = False
        self._status = 0
        self._headers: list = []
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self._status = message["status"]
            self._headers = message["headers"]
        elif self._status:
            self._body += message.get("body", b"")
        else:
            self.passed = True
            await self._send(message)

    def rewritten(self, scope: Scope) -> JSONResponse | None:
        if not self._status:
            return None
        text = self._body.decode("utf-8", "replace")
        fields = _fields(text)
        if trace := fields.get("stack_trace"):
            logger.warning("a request was refused with %d:\n%s", self._status, trace)
        message = str(fields.get("message") or text)
        if self._status in (404, 405):
            message = f"There is no {scope['method']} {scope['path']}; POST /invocations scores."
        headers = Headers(raw=self._headers)
        kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
        return error_response(
            self._status, sentence(message), str(fields.get("error_code") or ""), **kept
        )


def _refusal(scope: Scope) -> JSONResponse | None:
    if scope["method"] == "POST" and "content-type" not in Headers(scope=scope):
        return error_response(415, "The request has no Content-Type; send application/json.")
    return None


def _fields(text: str) -> dict:
    try:
        fields = json.loads(text)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _short(message: str) -> str:
    message = " ".join(message.split())
    return message if len(message) <= MAX_CHARACTERS else message[:MAX_CHARACTERS] + "..."
