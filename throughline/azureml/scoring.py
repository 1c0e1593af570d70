"""A served model behind the two functions that Azure ML calls in a service: ``init`` and ``run``.

A request goes through the application of this project's endpoints, so the same request has the same
answer, and the same mistake the same sentence, wherever a model is served.
"""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from starlette.types import ASGIApp, Message, Scope

from throughline.checkout import hidden_checkout
from throughline.deployment.limits import Limits

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

_HEADERS = {"Content-Type": "application/json"}
_HIDDEN = ExitStack()
"""What hides this package's code from a model for as long as the process runs."""


class ScoringService:
    """Answers the bodies of requests.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    @classmethod
    def load(cls, folder: str | Path, model_uri: str) -> Self:
        """Loads the model somewhere below a folder, with its own code; ours is hidden for good.

        Args:
            folder: What ``AZUREML_MODEL_DIR`` names; the model's own folder is in it.
            model_uri: Which version it is, as its registry has it.

        Raises:
            StopIteration: No model is there.
        """
        import mlflow.pyfunc

        from throughline.deployment.app import create_app

        _HIDDEN.enter_context(hidden_checkout())  # the process serves this model until it ends
        path = next(Path(folder).rglob("MLmodel")).parent
        model = cls.ready(mlflow.pyfunc.load_model(str(path)))
        return cls(create_app(model, model_uri, Limits.from_environment()))

    @staticmethod
    def ready(model: "PyFuncModel") -> "PyFuncModel":
        """The model as it is to answer here."""
        return model

    def run(self, body: str) -> Any:
        """Answers a request in one of MLflow's JSON forms.

        Returns:
            The response, with its status, where Azure ML's server is there; else the parsed answer.

        Raises:
            ValueError: Without that server: the request is refused; the sentence says why.
        """
        status, text = asyncio.run(post(self.app, body.encode()))
        try:
            from azureml_inference_server_http.api.aml_response import AMLResponse
        except ImportError:
            answer = json.loads(text)
            if status != 200:
                raise ValueError(f"{status}: {answer['message']}") from None
            return answer
        return AMLResponse(text, status, _HEADERS)


async def post(app: ASGIApp, body: bytes, kind: str = "application/json") -> tuple[int, str]:
    """What the application answers to ``POST /invocations``: the status and the content.

    Args:
        app: The application.
        body: The request's content.
        kind: Its media type.
    """
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/invocations",
        "raw_path": b"/invocations",
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(body)).encode()),
        ],
        "client": None,
        "server": None,
    }
    answered: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        answered.append(message)

    await app(scope, receive, send)
    status = next(m["status"] for m in answered if m["type"] == "http.response.start")
    return status, b"".join(m.get("body", b"") for m in answered).decode()
