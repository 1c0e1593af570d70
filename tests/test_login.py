"""What is shown of a URI."""

import pytest

from throughline.login import without_login


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://ada:secret@host:5000/mlflow", "https://host:5000/mlflow"),
        ("https://token@host", "https://host"),
        ("postgresql+psycopg2://ada:s@cret@host/runs", "postgresql+psycopg2://host/runs"),
        (
            "postgresql://host/runs?user=ada&password=s%40cret",
            "postgresql://host/runs?user=ada&password=...",
        ),
        ("mysql://host/runs?Password=x&ssl=on", "mysql://host/runs?Password=...&ssl=on"),
        ("https://host/box?sv=2&sig=abc%3D&se=3", "https://host/box?sv=2&sig=...&se=3"),
        ("https://host/runs?shown=password=no", "https://host/runs?shown=password=no"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("sqlite:////there/me@home/mlflow.db", "sqlite:////there/me@home/mlflow.db"),
        ("sqlite:///me@home.db", "sqlite:///me@home.db"),
        ("databricks", "databricks"),
    ],
)
def test_a_uri_is_shown_without_its_login(uri: str, shown: str) -> None:
    assert without_login(uri) == shown
