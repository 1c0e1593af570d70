"""The whole chain, as ``mlflow run .`` runs it, and the steps again after it."""

import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

import mlflow
import pandas as pd
import psutil
import pytest
import requests
from mlflow.entities import Run

from tests.steps.conftest import Project, free_port
from throughline.deployment.smoke import as_request
from throughline.models.signature import conform
from throughline.prepared import PreparedTable
from throughline.tracking import CANDIDATE, FIGURE, PREPARED, children

STEPS = ["prep", "train", "tune", "distributed_train", "register", "deploy"]
NAME = "flights-late"
Chain = subprocess.CompletedProcess[str]


def newest(step: str) -> Run:
    """The newest finished run of a step."""
    query = f"tags.`throughline.step` = '{step}' AND attributes.status = 'FINISHED'"
    (run,) = mlflow.search_runs(
        ["0"], query, max_results=1, order_by=["start_time DESC"], output_format="list"
    )
    return run


@pytest.fixture(scope="module")
def table(project: Project, chain: Chain) -> PreparedTable:
    return PreparedTable.open(newest("prep").data.tags[PREPARED])


@pytest.fixture(scope="module")
def rows(table: PreparedTable) -> pd.DataFrame:
    return conform(table.raw_rows("test", 1000), table.plan.inputs)


def invoke(project: Project, rows: pd.DataFrame) -> Any:
    url = f"http://127.0.0.1:{project.port}/invocations"
    return requests.post(url, json=as_request(rows), timeout=60)


def test_every_step_runs_below_one_parent(chain: Chain) -> None:
    assert chain.returncode == 0, chain.stderr[-4000:]
    parent = newest("main")
    assert [run.data.tags["throughline.step"] for run in children(parent.info.run_id)] == STEPS
    assert {run.info.status for run in children(parent.info.run_id)} == {"FINISHED"}


def test_the_chain_ends_with_a_table_and_where_to_look(chain: Chain) -> None:
    assert all(f"\n{step} " in chain.stdout for step in STEPS), chain.stdout
    assert "mlflow ui --backend-store-uri sqlite:" in chain.stdout
    assert "curl -s http://127.0.0.1:" in chain.stdout


def test_the_chain_warns_of_nothing(chain: Chain) -> None:
    assert [line for line in chain.stderr.splitlines() if " WARNING " in line] == []


def test_every_candidate_has_metrics_pictures_dataset_and_signature(chain: Chain) -> None:
    client = mlflow.MlflowClient()
    found = mlflow.search_runs(["0"], f"tags.`{CANDIDATE}` != ''", output_format="list")
    titles = {run.data.tags[CANDIDATE] for run in found}
    assert titles == {"spark_linear", "spark_gbt", "xgboost", "tuned xgboost", "network"}
    for run in found:
        figures = {"validation_roc_auc", "test_pr_auc_low", "test_f1", "training_seconds"}
        assert figures <= set(run.data.metrics)
        assert run.inputs.dataset_inputs[0].dataset.name == NAME
        pictures = {file.path for file in client.list_artifacts(run.info.run_id, "pictures")}
        assert {"pictures/validation.png", "pictures/test.png"} <= pictures
        info = mlflow.models.get_model_info(run.data.tags["throughline.model"])
        assert info.signature.inputs.required_input_names()
        assert info.saved_input_example_info


def test_train_and_main_compare_their_candidates(chain: Chain) -> None:
    for step, count in (("train", 3), ("main", 5)):
        page = f"{newest(step).info.artifact_uri}/comparison/comparison.html"
        assert f"<h1>{count} candidates compared</h1>" in mlflow.artifacts.load_text(page)


def test_trainings_figure_is_that_of_the_best_on_validation(chain: Chain) -> None:
    train = newest("train")
    models = children(train.info.run_id)
    best = max(models, key=lambda run: run.data.metrics["validation_roc_auc"])
    figure = f"{best.data.metrics['validation_roc_auc']:.4f}"
    told = f"{best.data.tags[CANDIDATE]}: validation roc_auc {figure}, test"
    assert train.data.tags[FIGURE].startswith(told)


def test_spark_models_are_logged_in_their_own_flavor_too(chain: Chain) -> None:
    query = f"tags.`{CANDIDATE}` = 'spark_gbt'"
    (run,) = mlflow.search_runs(["0"], query, output_format="list")
    outputs = mlflow.search_logged_models(
        ["0"], filter_string=f"source_run_id = '{run.info.run_id}'", output_format="list"
    )
    assert {"model", "native"} <= {model.name for model in outputs} | {
        file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)
    }


def test_the_champion_is_the_best_on_validation(chain: Chain) -> None:
    found = mlflow.search_runs(["0"], f"tags.`{CANDIDATE}` != ''", output_format="list")
    best = max(found, key=lambda run: run.data.metrics["validation_roc_auc"])
    champion = mlflow.MlflowClient().get_model_version_by_alias(NAME, "champion")
    assert champion.run_id == best.info.run_id
    assert champion.tags["reason"].startswith("the first champion")


def test_the_endpoint_answers_as_the_model_in_process(
    project: Project, chain: Chain, rows: pd.DataFrame
) -> None:
    answer = invoke(project, rows)
    assert answer.status_code == 200, answer.text[:500]
    served = pd.DataFrame(answer.json()["predictions"])
    here = mlflow.pyfunc.load_model(f"models:/{NAME}@champion").predict(rows)
    assert len(here) == 1000
    assert (served["probability"] - here["probability"]).abs().max() <= 1e-6
    assert (served["prediction"] == here["prediction"]).all()


def test_the_endpoint_scores_as_the_candidate_was_measured(
    chain: Chain, table: PreparedTable
) -> None:
    from throughline.registry.on_test import on_test

    champion = mlflow.MlflowClient().get_model_version_by_alias(NAME, "champion")
    logged = mlflow.get_run(champion.run_id).data.metrics
    found = on_test(f"models:/{NAME}@champion", table, table.raw_rows("test")).figures
    assert found["roc_auc"] == pytest.approx(logged["test_roc_auc"], abs=1e-6)
    assert found["log_loss"] == pytest.approx(logged["test_log_loss"], abs=1e-6)


def test_a_request_is_one_raw_row_with_only_what_is_required(
    project: Project, chain: Chain, rows: pd.DataFrame
) -> None:
    required = mlflow.models.get_model_info(
        f"models:/{NAME}@champion"
    ).signature.inputs.required_input_names()
    assert {"origin", "carrier", "dest", "scheduled_at"} <= set(required)
    answer = invoke(project, rows[required].head(1))
    assert answer.status_code == 200, answer.text[:500]
    assert 0 <= answer.json()["predictions"][0]["probability"] <= 1


def test_the_server_needs_no_java(project: Project, chain: Chain) -> None:
    server = psutil.Process(int(newest("deploy").data.tags["endpoint.pid"]))
    family = [server, *server.children(recursive=True)]
    assert not [process for process in family if "java" in process.name()]
    assert not [file for file in server.memory_maps() if "pyspark" in file.path]


def test_register_again_changes_nothing(project: Project, chain: Chain) -> None:
    client = mlflow.MlflowClient()
    before = client.get_model_version_by_alias(NAME, "champion").version
    again = project.mlflow_run("-e", "register")
    assert again.returncode == 0, again.stderr[-2000:]
    assert client.get_model_version_by_alias(NAME, "champion").version == before
    assert len(client.search_model_versions(f"name = '{NAME}'")) == 1


def test_deploy_again_leaves_the_server_alone(project: Project, chain: Chain) -> None:
    pid = newest("deploy").data.tags["endpoint.pid"]
    again = project.mlflow_run(
        "-e", "deploy", "-P", f"port={project.port}", "-P", f"data_root={project.data_root}"
    )
    assert again.returncode == 0, again.stderr[-2000:]
    assert newest("deploy").data.tags["endpoint.pid"] == pid


def test_a_loser_becomes_the_challenger_with_the_reason(project: Project, chain: Chain) -> None:
    client = mlflow.MlflowClient()
    champion = client.get_model_version_by_alias(NAME, "champion")
    query = f"tags.`{CANDIDATE}` = 'network'"
    (loser,) = mlflow.search_runs(["0"], query, output_format="list")
    result = project.script("register", "--candidates", loser.info.run_id)
    assert result.returncode == 0, result.stderr[-2000:]
    challenger = client.get_model_version_by_alias(NAME, "challenger")
    assert challenger.run_id == loser.info.run_id
    assert "does not beat the champion" in challenger.tags["reason"]
    assert client.get_model_version_by_alias(NAME, "champion").version == champion.version


def test_train_registers_on_the_way(project: Project, chain: Chain) -> None:
    result = project.script("train", "--model", "xgboost", "--register_as", "on-the-way")
    assert result.returncode == 0, result.stderr[-2000:]
    version = mlflow.MlflowClient().get_model_version("on-the-way", "1")
    assert version.run_id
    assert len(version.tags["digest"]) == 64  # else it would be a stranger's


def test_the_champion_runs_under_plain_mlflow_models_serve(
    project: Project, chain: Chain, rows: pd.DataFrame
) -> None:
    port = free_port()
    command = ["mlflow", "models", "serve", "-m", f"models:/{NAME}@champion", "--port", str(port)]
    server = psutil.Popen(
        [*command, "--env-manager", "local"],
        env=project.environment,
        cwd=project.folder,  # not the project's folder: the model brings its code along
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        answer = eventually(
            lambda: requests.post(f"{url}/invocations", json=as_request(rows), timeout=60)
        )
    finally:
        for process in [*server.children(recursive=True), server]:
            process.kill()
    served = pd.DataFrame(answer.json()["predictions"])
    here = mlflow.pyfunc.load_model(f"models:/{NAME}@champion").predict(rows)
    assert (served["probability"] - here["probability"]).abs().max() <= 1e-6


def eventually(ask: Callable[[], requests.Response], seconds: float = 120) -> requests.Response:
    """The first answer of a server that is starting."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except requests.ConnectionError:
            assert time.monotonic() < deadline, "the server did not answer in time"


def test_a_port_in_use_is_a_mistake(project: Project, chain: Chain) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = project.script("deploy", "--port", port, "--data_root", str(project.data_root))
    assert result.returncode == 2
    assert f"port {port} is in use" in result.stderr
