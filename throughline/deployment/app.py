"""The serving application: MLflow's own scoring application inside a small one of ours."""

import json
import os
import re
from typing import Any

from fastapi import FastAPI, HTTPException
from mlflow.pyfunc import PyFuncModel, scoring_server

from throughline.deployment.limits import LimitRequests, Limits
from throughline.deployment.plain_errors import PlainErrors
from throughline.deployment.plain_requests import PlainRequests
from throughline.deployment.smoke import as_request
from throughline.deployment.token import RequireToken, endpoint_token


def create_app(model: PyFuncModel, model_uri: str, limits: Limits) -> FastAPI:
    """Builds the application that serves a loaded model.

    Routes: ``GET /health`` (alive, and as which process), ``GET /model`` (what is served) and
    ``GET /example`` (a request to try: the model's input example). The rest is MLflow's: ``POST
    /invocations``, ``GET /ping``, ``GET /version``; plain requests to a model of this project are
    answered before they reach it. If there is a token, all but ``/health`` and ``/ping`` need it.

    Args:
        model: The loaded model.
        model_uri: Where it came from; ``models:/name/version`` for a registered one.
        limits: What the endpoint takes on.
    """
    app = FastAPI(title="Throughline endpoint", docs_url=None, redoc_url=None)
    described = describe(model, model_uri)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "pid": os.getpid()}

    @app.get("/model")
    async def served_model() -> dict[str, Any]:
        return described

    @app.get("/example")
    async def example() -> dict[str, Any]:
        if model.input_example is None:
            raise HTTPException(404, "the model was saved without an input example")
        return as_request(model.input_example)

    app.mount("/", scoring_server.init(model))
    app.add_middleware(PlainRequests, model=model)
    app.add_middleware(LimitRequests, limits=limits)
    if token := endpoint_token():
        app.add_middleware(RequireToken, token=token)
    app.add_middleware(PlainErrors)  # added last, so it sees the errors of all the others
    return app


def describe(model: PyFuncModel, model_uri: str) -> dict[str, Any]:
    """Tells what is served: name, version, run id, URI and signature, ready for JSON."""
    registered = re.fullmatch(r"models:/([^/@]+)/(\d+)", model_uri)
    name, version = registered.groups() if registered else (None, None)
    signature = model.metadata.signature
    parts = signature.to_dict() if signature else {}
    return {
        "name": name,
        "version": version,
        "run_id": model.metadata.run_id,
        "model_uri": model_uri,
        "signature": {key: json.loads(text) for key, text in parts.items() if text},
    }
