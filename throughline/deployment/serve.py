"""Serves one model: ``python -m throughline.deployment.serve --model_uri models:/NAME/VERSION``.

Whoever gives the model's files, too, has checked them, and who can reach the server; else that is
checked here.
"""

import argparse
import gc
import logging
import math
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from throughline.checkout import hidden_checkout
from throughline.deployment import handover
from throughline.deployment.limits import Limits
from throughline.deployment.token import check_host
from throughline.errors import UserError

logger = logging.getLogger(__name__)

LOADED = b"loaded"
SERVE = b"serve"


def main(arguments: Sequence[str] | None = None) -> None:
    """Loads the model and serves it until it is told to end."""
    options = _options(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        limits = Limits.from_environment()
        if not options.model_path:
            check_host(options.host)
        with _model(options) as (uri, path):
            _serve(uri, path, limits, options)
    except UserError as error:
        sys.exit(f"error: {error}")


@contextmanager
def _model(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """The model's URI and the folder with its files."""
    if options.model_path:
        yield options.model_uri, options.model_path
        return
    # Opening the registry takes seconds, which a server whose files are given does not need.
    from throughline.deployment.versions import fetch_uri

    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # else the copy would stay
    with tempfile.TemporaryDirectory() as scratch:
        yield fetch_uri(options.model_uri, Path(scratch) / "model")


def _serve(uri: str, path: str, limits: Limits, options: argparse.Namespace) -> None:
    # What is imported and loaded stays: to search it for garbage takes an eighth of the start.
    gc.disable()
    # The slow imports come after the arguments are known to be good, and ours before the
    # checkout is hidden.
    import mlflow.pyfunc
    import uvicorn

    from throughline.deployment.app import create_app
    from throughline.deployment.patient_server import PatientServer

    with hidden_checkout():
        model = mlflow.pyfunc.load_model(path)
        app = create_app(model, uri, limits)
        listener = None
        if options.control_fd is not None and (listener := given(options.control_fd)) is None:
            sys.exit("the program that started this server ended before it was to serve")
        if listener:
            handover.offer(listener)
            logger.info("running on http://%s:%d", options.host, options.port)  # as uvicorn says
        gc.freeze()
        gc.enable()
        server = PatientServer(
            uvicorn.Config(
                app,
                host=options.host,
                port=options.port,
                access_log=False,
                ws="none",
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=math.ceil(limits.request_seconds),
            )
        )
        server.run([listener] if listener else None)


def given(control_fd: int) -> socket.socket | None:
    """Tells the starter that the model is loaded, and waits for the listening socket.

    Returns:
        None if the starter is gone: a server that nobody knows must not hold the port.
    """
    with socket.socket(fileno=control_fd) as control:
        try:
            control.sendall(LOADED)
        except ConnectionError:
            return None
        return handover.received(control, SERVE)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serves one MLflow model over HTTP.")
    parser.add_argument("--model_uri", required=True, help="e.g. models:/flights-late/3")
    parser.add_argument("--model_path", help="the model's files, where they are here already")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=5055, help="the port to listen on")
    parser.add_argument("--control_fd", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
