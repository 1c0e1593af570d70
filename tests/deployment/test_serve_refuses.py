"""What a server that a person starts by hand refuses before it serves."""

import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from throughline.registry.digest import DIGEST

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ended(environment):
    """Starts a server that ends at once; the last line that it says."""

    def start(uri, *options, **settings):
        command = [sys.executable, "-m", "throughline.deployment.serve", "--model_uri", uri]
        done = subprocess.run(
            [*command, *options],
            cwd=ROOT,
            env={**environment, **settings},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1 and "Traceback" not in done.stderr
        return done.stderr.splitlines()[-1]

    return start


def test_a_limit_that_is_no_number_is_a_sentence(ended):
    assert ended("models:/a/1", THROUGHLINE_MAX_BODY_MB="lots") == (
        "error: THROUGHLINE_MAX_BODY_MB is 'lots'; set it to a number above 0, or not at all."
    )


def test_an_address_that_others_reach_is_not_served_without_a_token(ended):
    said = ended("models:/late-test@champion", "--host", "0.0.0.0")  # noqa: S104
    assert said.startswith("error: Whoever reaches 0.0.0.0 could use the endpoint: set THROUGHLINE")


def test_files_that_are_not_those_that_were_registered_are_not_served(ended, registry):
    client = mlflow.MlflowClient()
    source = client.get_model_version("late-test", "1").source
    client.create_registered_model("changed")
    client.create_model_version("changed", source, tags={DIGEST: "of other files"})
    client.set_registered_model_alias("changed", "champion", "1")
    try:
        said = ended("models:/changed@champion")
        assert said.startswith("error: The files of version 1 of changed are not those that were")
    finally:
        client.delete_registered_model("changed")
    assert ended(source).startswith(f"error: The model {source} was not registered by this project")
