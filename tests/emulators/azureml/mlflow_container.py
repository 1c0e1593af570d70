"""The container that Microsoft brings for MLflow's models, which need no entry script.

It takes a table as ``input_data``, in pandas' split form with an index, and answers with records.
Source: the script that azureml-mlflow 1.62 generates.
"""

import uuid
from pathlib import Path

from tests.emulators.azureml.containers import Container

_SCRIPT = """\
import json
import os

import mlflow.pyfunc
import pandas as pd


def init():
    global model
    model = mlflow.pyfunc.load_model(os.environ["AZUREML_MODEL_DIR"])


def run(body):
    table = json.loads(body)["input_data"]
    assert {"columns", "index", "data"} <= table.keys()
    rows = pd.DataFrame(table["data"], table["index"], table["columns"])
    return json.loads(model.predict(rows).to_json(orient="records"))
"""


def mlflow_container(place: Path, files: dict[str, bytes]) -> Container:
    """A container with the files of a model, in a folder of its own below a place."""
    folder = place / uuid.uuid4().hex[:8]
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "score.py").write_text(_SCRIPT)
    for name, content in files.items():
        path = folder / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    variables = {"AZUREML_ENTRY_SCRIPT": "score.py", "AZUREML_MODEL_DIR": str(folder / "model")}
    return Container(folder, variables)
