"""The family tensorflow, in a process of its own: Keras cannot change its backend in one."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.extras import install
from throughline.errors import UserError
from throughline.models.tensorflow import TensorFlow

PROJECT = Path(__file__).parents[2]
HERE = find_spec("tensorflow") is not None
LOG_NATIVE_AND_COMPARE = """
import json, sys
import mlflow, numpy as np
from throughline.models.keras_family import inputs_of
from throughline.models.tensorflow import TensorFlow
from throughline.prepared import PreparedTable
few = {"hidden": [16], "dropout": 0.0, "epochs": 12, "batch_size": 50, "learning_rate": 0.03}
mlflow.set_tracking_uri(f"sqlite:///{sys.argv[1]}/mlflow.db")
kept = mlflow.create_experiment("made", artifact_location=f"file://{sys.argv[1]}/artifacts")
said = {}
for uri in sys.argv[2:]:
    table = PreparedTable.open(uri)
    trained, again = (TensorFlow().train(table, few) for _ in range(2))
    columns = table.columns("test")
    served = trained.estimator.predict(columns)
    assert (served == again.estimator.predict(columns)).all()
    with mlflow.start_run(experiment_id=kept) as run:
        trained.log_native()
    loaded = mlflow.tensorflow.load_model(f"runs:/{run.info.run_id}/native")
    own = loaded.predict(inputs_of(columns, table.layout), verbose=0)
    apart = float(np.abs(own - served).max() / max(1, np.abs(own).max()))
    error = float(np.abs(served[:, 0] - columns["y"]).mean() / columns["y"].std())
    said[table.layout.task] = [apart, error, trained.metrics["rows_scored_otherwise"]]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Variables by which Python finds the extra before what the environment has of it."""
    packages = install("requirements-tensorflow.txt", tmp_path_factory.mktemp("extra"))
    return os.environ | {"PYTHONPATH": str(packages)}


@pytest.mark.slow
def test_learns_repeats_itself_and_is_served_as_tensorflow_scores(
    environment, make_table, tmp_path
):
    tables = [make_table(kind).output.uri for kind in ("binary", "regression")]
    command = [sys.executable, "-c", LOG_NATIVE_AND_COMPARE, str(tmp_path), *tables]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=PROJECT)
    assert shown.returncode == 0, shown.stderr[-2000:]
    for apart, error, otherwise in json.loads(shown.stdout.splitlines()[-1]).values():
        assert apart < 1e-5
        assert error < 0.6
        assert otherwise == 0


@pytest.mark.skipif(HERE, reason="TensorFlow is here")
def test_says_what_to_install_where_tensorflow_is_not(make_table):
    with pytest.raises(UserError, match="needs TensorFlow, .* install requirements-tensorflow.txt"):
        TensorFlow().train(make_table("binary"), {})
