"""A registry in SQLite with versions of a small model, good ones and broken ones."""

import os
import socket
import threading
import time

import pytest

from tests.deployment.saved_model import MODEL, save_model
from throughline.registry.digest import DIGEST, digest_of

VERSIONS = {
    "champion": {"shift": -1.0},
    "challenger": {"shift": 1.0},
    "dies": {"shift": 0.0, "dies": True},
    "unstable": {"shift": 0.0, "unstable": True},
}


@pytest.fixture(scope="session")
def registry(tmp_path_factory):
    """The URI of a tracking store in which each alias of ``VERSIONS`` names a version."""
    import mlflow

    folder = tmp_path_factory.mktemp("registry")
    uri = f"sqlite:///{folder}/mlflow.db"
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    run = client.create_run(client.create_experiment("test", f"file://{folder}/artifacts"))
    client.create_registered_model(MODEL)
    for alias, config in VERSIONS.items():
        save_model(folder / alias, run.info.run_id, config)
        tags = {DIGEST: digest_of(folder / alias)}
        source = f"file://{folder}/{alias}"
        made = client.create_model_version(MODEL, source, run.info.run_id, tags)
        client.set_registered_model_alias(MODEL, alias, made.version)
    yield uri
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="session")
def environment(registry):
    """The environment of a subprocess that uses the registry."""
    return {**os.environ, "MLFLOW_TRACKING_URI": registry}


@pytest.fixture(scope="session")
def free_port():
    """A function that returns a port of 127.0.0.1 on which nothing listens."""

    def pick() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return pick


@pytest.fixture(scope="session")
def eventually():
    """A function that asks again and again until the answer is true, or the deadline passes."""

    def ask(question, seconds=240.0):
        deadline = time.monotonic() + seconds
        while not (answer := question()):
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.02)
        return answer

    return ask


@pytest.fixture(scope="session")
def small_model(served, prepared, tmp_path_factory):
    """The served model of the small table, as a step logs it and a server loads it."""
    import mlflow.pyfunc

    from throughline.candidate import serving_code
    from throughline.checkout import hidden_checkout, project_root
    from throughline.models.signature import conform, signature_of

    folder = tmp_path_factory.mktemp("small model")
    served.save(folder / "served")
    example = conform(prepared.example(), served.plan.inputs)
    with serving_code() as code:
        mlflow.pyfunc.save_model(
            str(folder / "model"),
            python_model=str(project_root() / "throughline/models/served_pyfunc.py"),
            artifacts={"served": str(folder / "served")},
            code_paths=[str(code)],
            signature=signature_of(served.plan, served.predict(example)),
            pip_requirements=["mlflow"],
        )
    with hidden_checkout():
        return mlflow.pyfunc.load_model(str(folder / "model"))


@pytest.fixture(scope="session")
def endpoint(small_model, free_port, eventually):
    """The address of a server of the small model, in a thread."""
    import uvicorn

    from throughline.deployment.app import create_app
    from throughline.deployment.limits import Limits

    app = create_app(small_model, "models:/small/1", Limits())
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started, seconds=30.0)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
