"""The last lines of a chain."""

from collections.abc import Iterator

import mlflow
import pytest

from throughline.chain.chain import Chain, Finished
from throughline.chain.in_process import InProcessBackend


@pytest.fixture(autouse=True)
def _store() -> Iterator[None]:
    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("https://ada:secret@host/mlflow", "https://host/mlflow"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("sqlite:////there/mlflow.db", "mlflow ui --backend-store-uri sqlite:////there/mlflow.db"),
        (
            "postgresql://ada:secret@host/runs",
            "mlflow ui --backend-store-uri $MLFLOW_TRACKING_URI",
        ),
    ],
)
def test_where_the_runs_are_is_told_without_a_login(uri: str, told: str) -> None:
    mlflow.set_tracking_uri(uri)
    chain = Chain(InProcessBackend(), finished=[Finished("register", "ran", 1.0, "")])
    assert chain.where_to_look() == f"runs:      {told}"
