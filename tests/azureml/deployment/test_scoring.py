"""What a service runs: the entry script, the code beside it, the environment."""

import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
import requests
import yaml

from tests.azureml.deployment.conftest import REQUEST
from tests.deployment.saved_model import MODEL, save_model
from tests.emulators.azureml.containers import Container
from tests.emulators.tracking_server import clean_environment
from tests.extras import make_environment
from tests.steps.conftest import free_port
from throughline.azureml.entry_script import NAME, entry_script, source_directory
from throughline.azureml.refusals import reason
from throughline.azureml.served_environment import (
    INFERENCE_SERVER,
    conda_file,
    served_environment,
)
from throughline.azureml.served_model import model_name, tags_of, version_in
from throughline.azureml.webservice import end_of_log, service_name
from throughline.deployment.smoke import smoke_check
from throughline.deployment.target import ModelVersion

VERSION = ModelVersion(MODEL, "1", "run", "file:///models/1")
WITHOUT_SERVER = """
import runpy
script = runpy.run_path({path!r})
script["init"]()
print("ANSWER", script["run"]('{{"dataframe_records": [{{"carrier": "UA", "distance": 1400}}]}}'))
try:
    script["run"]('{{"dataframe_records": [{{"carrier": "UA"}}]}}')
except ValueError as error:
    print("REFUSED", error)
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder that a service has of a model, and the model's own in it."""
    folder = tmp_path_factory.mktemp("models")
    save_model(folder / "1", "run", {"shift": -1.0})
    return folder


def environment(saved, **more):
    return {**clean_environment(), "AZUREML_MODEL_DIR": str(saved), **more}


def test_the_entry_script_is_python_and_names_its_version():
    text = entry_script(VERSION)
    compile(text, NAME, "exec")
    assert "models:/late-test/1" in text


@pytest.mark.slow
def test_without_the_server_the_script_answers_and_refuses_in_plain_python(saved, tmp_path):
    with source_directory(VERSION) as folder:
        program = WITHOUT_SERVER.format(path=str(folder / NAME))
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=environment(saved),
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    answer, refusal = done.stdout.splitlines()[-2:]
    assert "'prediction': 1" in answer
    assert refusal.startswith("REFUSED 400: These columns are missing: 'distance'")


@pytest.mark.slow
def test_a_container_answers_as_the_model_does_and_mistakes_with_400(saved, tmp_path):
    with source_directory(VERSION) as folder:
        variables = {"AZUREML_ENTRY_SCRIPT": f"service/{NAME}", "AZUREML_MODEL_DIR": str(saved)}
        container = Container(tmp_path, variables)
        (tmp_path / "app").mkdir()
        folder.rename(tmp_path / "app" / "service")
        container.start()
        try:
            assert container.wait(), container.log(50)
            url = f"http://127.0.0.1:{container.port}/score"
            _check_answers(url, saved)
        finally:
            container.stop()
            (tmp_path / "app" / "service").rename(folder)


OWN_CODE = """
import mlflow
import pandas as pd


class OfOwnCode(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        from throughline.shift import SHIFT

        self.shift = SHIFT

    def predict(self, context, model_input, params=None):
        from throughline import shift

        return pd.DataFrame({"prediction": model_input["x"] + self.shift + shift.SHIFT})


mlflow.models.set_model(OfOwnCode())
"""


@pytest.mark.slow
def test_a_model_runs_on_the_code_that_it_brings(tmp_path):
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    (tmp_path / "code" / "throughline").mkdir(parents=True)
    (tmp_path / "code" / "throughline" / "__init__.py").write_text("")
    (tmp_path / "code" / "throughline" / "shift.py").write_text("SHIFT = 20")
    (tmp_path / "own.py").write_text(OWN_CODE)
    mlflow.pyfunc.save_model(
        str(tmp_path / "models" / "own"),
        python_model=str(tmp_path / "own.py"),
        code_paths=[str(tmp_path / "code" / "throughline")],
        signature=ModelSignature(inputs=Schema([ColSpec("double", "x")])),
        pip_requirements=["mlflow"],
    )
    body = '{"dataframe_records": [{"x": 2.0}]}'
    program = "import runpy; script = runpy.run_path({!r}); script['init']()\n"
    program += "answer = script['run']({!r}); print(getattr(answer, 'data', answer))"
    with source_directory(VERSION) as folder:
        done = subprocess.run(
            [sys.executable, "-c", program.format(str(folder / NAME), body)],
            cwd=tmp_path,
            env=environment(tmp_path / "models"),
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert "42.0" in done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def python_of_the_image(saved, tmp_path_factory):
    """The Python of an environment as the image has it, Azure's server in it."""
    needed = conda_file(saved / "1", INFERENCE_SERVER)["dependencies"][-1]["pip"]
    found = Path(__file__).with_name("requirements-inference-server.txt")
    return make_environment(needed, found, tmp_path_factory.mktemp("image") / "environment")


@pytest.mark.slow
def test_the_real_inference_server_answers_as_the_model_does(saved, python_of_the_image, tmp_path):
    port = free_port()
    with source_directory(VERSION) as folder:
        server = [str(python_of_the_image), "-m", "azureml_inference_server_http"]
        server += ["--entry_script", str(folder / NAME), "--port", str(port)]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                [*server, "--health_port", str(free_port())],
                cwd=tmp_path,
                env=environment(saved, PATH=os.environ["PATH"]),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + 240
            while process.poll() is None and time.monotonic() < deadline:
                try:
                    requests.get(f"http://127.0.0.1:{port}/", timeout=60)
                    break
                except requests.ConnectionError:
                    time.sleep(0.1)
            assert process.poll() is None, (tmp_path / "log").read_text()[-3000:]
            _check_answers(f"http://127.0.0.1:{port}/score", saved)
        finally:
            process.terminate()
            process.wait()


def _check_answers(url, saved):
    check = smoke_check(str(saved / "1"))
    answer = requests.post(url, json=check.request, timeout=60)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.status_code == 200 and check.agrees(answer.json()["predictions"])
    split = {"dataframe_split": {"columns": ["carrier", "distance"], "data": [["UA", 1400]]}}
    for request in (split, {"instances": [{"carrier": "UA", "distance": 1400}]}, REQUEST):
        (row,) = requests.post(url, json=request, timeout=60).json()["predictions"]
        assert row["prediction"] == 1
    for body, told in {
        '{"dataframe_records": [{"carrier": "UA"}]}': "These columns are missing: 'distance'",
        "no json": "The body is not valid JSON",
    }.items():
        refusal = requests.post(url, body, headers={"Content-Type": "application/json"}, timeout=60)
        assert refusal.status_code == 400 and told in refusal.json()["message"]


def test_the_environment_is_the_models_and_azures_server(saved, tmp_path):
    conda = saved / "1" / "conda.yaml"
    found = yaml.safe_load(conda.read_text())
    found["dependencies"][-1]["pip"] += ["pydantic==2.14.3", "requests==2.0.0"]
    (tmp_path / "conda.yaml").write_text(yaml.safe_dump(found))
    packages = conda_file(tmp_path, INFERENCE_SERVER)["dependencies"][-1]["pip"]
    assert {"pydantic", "fastapi", INFERENCE_SERVER} <= set(packages)
    assert [one for one in packages if one.startswith("requests")] == ["requests==2.0.0"]
    made = served_environment("x-served", saved / "1")
    assert "azureml-inference-server-http" in json.dumps(made.python.conda_dependencies.as_dict())
    assert "AZUREML_INFERENCE_SERVER_HTTP_ENABLED=true" in made.docker.base_dockerfile


@pytest.mark.parametrize(
    ("numpy", "arrow"),
    [
        (f"numpy=={version('numpy')}", f"pyarrow=={version('pyarrow')}"),
        ("numpy==2.3.1", "pyarrow"),
        ("scipy", "pyarrow"),
    ],
)
def test_pyarrow_is_the_one_of_here_if_numpy_is(saved, tmp_path, numpy, arrow):
    found = yaml.safe_load((saved / "1" / "conda.yaml").read_text())
    found["dependencies"][-1]["pip"] += [numpy]
    (tmp_path / "conda.yaml").write_text(yaml.safe_dump(found))
    packages = conda_file(tmp_path)["dependencies"][-1]["pip"]
    assert numpy in packages
    assert [one for one in packages if one.startswith("pyarrow")] == [arrow]


def test_of_a_log_the_errors_are_shown_though_it_goes_on():
    log = [
        "Traceback (most recent call last):",
        '  File "score.py", line 15, in init',
        "ImportError: no module named 'x'",
        "The above exception was the direct cause of the following exception:",
        "azureml_inference_server_http.server.UserScriptException: Caught an unhandled exception",
        *[f"2026-11-30 15:14 I azmlinfsrv - file {number}" for number in range(20)],
    ]
    told = "ImportError: no module named 'x' | azureml_inference_server_http.server.UserScript"
    assert end_of_log(log).startswith(told)
    assert end_of_log(["began", "ended"]) == "began | ended"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("flights-late", "flights-late"),
        ("Main.default.Late_test", "main-default-late-test"),
        ("7 days", "m-7-days"),
        ("x", "x00"),
        ("a" * 31 + "-b", "a" * 31),
    ],
)
def test_names_of_models_become_names_of_services(model, name):
    assert service_name(model) == name


def test_a_copy_has_another_name_and_tells_its_version():
    assert model_name("main.late test") == "main.late-test-served"
    assert version_in(tags_of(VERSION)) == VERSION
    assert version_in({"team": "x"}) is None and version_in(None) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Received bad response from Model Management Service:\nResponse Code: 409\nHeaders: "
            '{\'Date\': \'x\'}\nContent: b\'{"code":"Conflict","message":"no","details":'
            '[{"message":"Service x exists."}]}\'',
            "Service x exists",
        ),
        (
            'failed\nError:\n{\n "code": "Crash",\n "message": "It crashed.\nLook."}',
            "It crashed. Look",
        ),
        ("Plain words.", "Plain words"),
    ],
)
def test_of_an_error_of_the_sdk_the_innermost_message_is_told(text, told):
    assert reason(RuntimeError(text)) == told


def test_the_folder_of_a_service_is_gone_afterwards():
    with source_directory(VERSION) as folder:
        assert (folder / "throughline" / "azureml" / "scoring.py").exists()
    assert not Path(folder).exists()
