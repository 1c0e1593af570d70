"""``smoke`` after the chain: curl asks the endpoint, with no Python on the way."""

import json
import subprocess

import mlflow

from tests.steps.conftest import Project, free_port


def test_it_shows_what_is_served_and_an_answer(
    project: Project, chain: subprocess.CompletedProcess[str]
) -> None:
    done = project.mlflow_run("-e", "smoke", "-P", f"url=http://127.0.0.1:{project.port}")
    assert done.returncode == 0, done.stderr[-2000:]
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    champion = mlflow.MlflowClient().get_model_version_by_alias("flights-late", "champion")
    assert json.loads(said["serves"])["run_id"] == champion.run_id
    (predicted,) = json.loads(said["answer"])["predictions"]
    example = mlflow.pyfunc.load_model("models:/flights-late@champion")
    (here,) = example.predict(example.input_example).to_dict("records")
    assert abs(predicted["probability"] - here["probability"]) < 1e-6


def test_no_endpoint_is_one_sentence(project: Project) -> None:
    port, mistake = free_port(), project.folder / "mistake"
    done = subprocess.run(
        ["bash", "steps/smoke.sh", f"http://127.0.0.1:{port}"],
        env=project.environment | {"THROUGHLINE_ERROR_FILE": str(mistake)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        f"error: no endpoint answers at http://127.0.0.1:{port}; "
    )
    assert mistake.read_text().startswith("no endpoint answers")
