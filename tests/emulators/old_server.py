"""An MLflow server from before version 3: a real one, less the calls of logged models."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.emulators.server import Answer, Request, Server
from tests.emulators.tracking_server import forward, tracking_server

_NOT_FOUND = b"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"


@contextmanager
def old_server(folder: Path) -> Iterator[Server]:
    """Runs it; clients write artifacts into ``folder`` themselves."""
    server = Server()
    with tracking_server(folder, str(folder / "artifacts")) as url, server.serving():

        def missing(request: Request, match: re.Match[str]) -> Answer:
            return Answer(_NOT_FOUND, 404, "text/html; charset=utf-8")

        def passed_on(request: Request, match: re.Match[str]) -> Answer:
            return forward(request, f"{url}{request.path}", request.query, request.body)

        server.routes += [
            ("*", r"/api/2\.0/mlflow/(logged-models.*|runs/outputs)", missing),
            ("*", r"/api/2\.0/mlflow/.+", passed_on),
        ]
        yield server
