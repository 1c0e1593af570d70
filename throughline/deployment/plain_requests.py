"""Answers plain requests without MLflow's data frames; hands every other one on.

A request in CSV is first made one in JSON.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from throughline.deployment.csv_rows import as_split
from throughline.deployment.limits import replay
from throughline.deployment.plain_errors import error_response
from throughline.deployment.plain_rows import (
    Ambiguous,
    Columns,
    Field,
    NotPlain,
    as_frame,
    fields_of,
    plain_rows,
)

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

logger = logging.getLogger(__name__)

Answer = Callable[[Columns, bool], Mapping[str, Sequence[Any]]]

_AT_ONCE = 16 * 2**10
"""A body of so many bytes is answered in the event loop: a thread would take longer to start."""

_JSON = "application/json"
_CSV = "text/csv"


class PlainRequests:
    """ASGI middleware around the scoring application; only a model of this project answers here.

    Args:
        app: The scoring application; it has the last word on what is not plain.
        model: The loaded model.
    """

    def __init__(self, app: ASGIApp, model: "PyFuncModel") -> None:
        self.app = app
        self.fields = fields_of(model.metadata.get_input_schema())
        self.answer = _answer_of(model)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        kind = _type_of(scope)
        in_csv = kind == _CSV
        plain = self.answer is not None and kind == _JSON
        if self.fields is None or not (plain or in_csv):
            return await self.app(scope, receive, send)
        scope = _typed(scope, kind)
        body = await Request(scope, receive).body()
        split = await asyncio.to_thread(as_split, body, self.fields) if in_csv else None
        if split:
            body, scope = split, _typed(scope, _JSON)
        if self.answer is None or (in_csv and not split):
            return await self.app(scope, replay(body, receive), send)
        try:
            if len(body) <= _AT_ONCE:
                text, frame = _answer_or_frame(body, self.fields, self.answer)
            else:
                text, frame = await asyncio.to_thread(
                    _answer_or_frame, body, self.fields, self.answer
                )
        except Ambiguous as refusal:
            return await error_response(400, str(refusal))(scope, receive, send)
        if text is not None:
            return await Response(text, media_type="application/json")(scope, receive, send)
        await self.app(scope, replay(frame, receive), send)


def answered(body: bytes, fields: Sequence[Field], answer: Answer) -> str | None:
    """The answer to a plain request in MLflow's form; None if MLflow is to answer.

    That is so too where the model fails or refuses: MLflow then tells why, as it always does.
    """
    try:
        columns = answer(*plain_rows(body, fields))
    except NotPlain:
        return None
    except Exception:
        logger.debug("left to MLflow", exc_info=True)
        return None
    rows = zip(*columns.values(), strict=True)
    return json.dumps({"predictions": [dict(zip(columns, row, strict=True)) for row in rows]})


def _answer_or_frame(
    body: bytes, fields: Sequence[Field], answer: Answer
) -> tuple[str | None, bytes]:
    """The answer, or the body that MLflow is to answer.

    Raises:
        Ambiguous: If MLflow would answer it otherwise than a plain request.
    """
    text = answered(body, fields, answer)
    return text, as_frame(body, fields) if text is None else b""


def _answer_of(model: "PyFuncModel") -> Answer | None:
    """What a model of this project answers columns with; None for any other model."""
    from mlflow.exceptions import MlflowException

    try:
        found = getattr(model.unwrap_python_model(), "answer_columns", None)
    except (MlflowException, AttributeError):
        return None
    return found if callable(found) else None


def _type_of(scope: Scope) -> str:
    """The media type of a request to score; empty for any other, and for what is not in UTF-8.

    All that MLflow takes for such a type is one here: what it alone read would be read otherwise.
    """
    if scope["type"] != "http" or (scope["method"], scope["path"]) != ("POST", "/invocations"):
        return ""
    header = Headers(scope=scope).get("content-type", "").lower()
    kind, *pairs = [part.strip() for part in header.split(";")]
    parameters = {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
    charset = parameters.pop("charset", "utf-8").strip('"')
    return "" if parameters or charset != "utf-8" else kind


def _typed(scope: Scope, kind: str) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
    return {**scope, "headers": [*headers, (b"content-type", kind.encode())]}
