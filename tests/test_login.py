"""What is shown of a URI."""

import pytest

from throughline.login import login_in_table, without_login


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://ada:secret@host:5000/mlflow", "https://host:5000/mlflow"),
        ("https://token@host", "https://host"),
        ("postgresql+psycopg2://ada:s@cret@host/runs", "postgresql+psycopg2://host/runs"),
        ("postgresql://ada:se/cret@host/runs", "postgresql://host/runs"),
        ("mysql+pymysql://ada:s@c/r@t@host/runs", "mysql+pymysql://host/runs"),
        ("postgresql://host:5432/runs?password=s@cret", "postgresql://host:5432/runs?password=..."),
        (
            "postgresql://host/runs?user=ada&password=s%40cret",
            "postgresql://host/runs?user=ada&password=...",
        ),
        ("mysql://host/runs?Password=x&ssl=on", "mysql://host/runs?Password=...&ssl=on"),
        ("https://host/box?sv=2&sig=abc%3D&se=3", "https://host/box?sv=2&sig=...&se=3"),
        ("https://host/runs?shown=password=no", "https://host/runs?shown=password=no"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("sqlite:////there/me@home/mlflow.db", "sqlite:////there/me@home/mlflow.db"),
        ("http://host:5000/me@home", "http://host:5000/me@home"),
        ("sqlite:///me@home.db", "sqlite:///me@home.db"),
        ("databricks", "databricks"),
    ],
)
def test_a_uri_is_shown_without_its_login(uri: str, shown: str) -> None:
    assert without_login(uri) == shown


@pytest.mark.parametrize(
    "table", ["https://host/box/t.csv?sv=2&sig=abc%3D", "https://ada:secret@host/t.csv"]
)
def test_a_table_with_a_login_in_its_address_is_refused(table: str) -> None:
    refused = login_in_table(table)
    assert refused.startswith("the address https://host/")
    assert "abc" not in refused and "secret" not in refused


@pytest.mark.parametrize(
    "table", ["abfss://box@account.dfs.core.windows.net/t.csv", "sample:a/b", "data/a@b.csv"]
)
def test_a_table_without_one_is_not(table: str) -> None:
    assert not login_in_table(table)
