"""The graph that the service is sent: read where it arrives."""

import io
import tarfile

import pytest

from tests.azureml.pipeline.conftest import (
    CLUSTER,
    DATA_ROOT,
    MODELS,
    STEPS,
    Given,
    Main,
    graph_of,
)
from tests.conftest import WriteRecipe
from tests.emulators.azureml.cluster import arguments
from tests.emulators.azureml.workspace import Workspace
from throughline.errors import UserError
from throughline.packaging.azureml import step_libraries

ALWAYS = {"recipe": "recipes/on-azure.yaml", "set": "none"}
SAID = {
    "prep": {**ALWAYS, "data_root": DATA_ROOT, "fraction": "1.0", "contract": "none"},
    "train": {**ALWAYS, "prep_run": "latest"},
    "tune": {**ALWAYS, "prep_run": "latest", "max_evals": "recipe"},
    "distributed_train": {**ALWAYS, "prep_run": "latest", "workers": "1", "epochs": "1"},
    "register": {**ALWAYS, "candidates": "latest"},
}


@pytest.fixture
def sent(user: Workspace, main: Main, given: Given):
    main(given, action="publish", endpoint="graph")
    return graph_of(user)


def test_the_steps_go_one_after_the_other_with_their_arguments(
    user: Workspace, sent, given
) -> None:
    assert [name for name, _, _ in sent] == STEPS
    for name, said, module in sent:
        assert said["python_script_name"] == "azureml_task.py"
        assert said["run_name"] == f"throughline {name}"
        values = {key: SAID[name].get(_plain(key), value) for key, value in said.items()}
        words = arguments(values)
        told = dict(zip(words[::2], words[1::2], strict=True))
        assert told.pop("--step") == name
        assert {key.lstrip("-").lower(): value for key, value in told.items()} == SAID[name]
        assert module["IsDeterministic"] is False


def _plain(name: str) -> str:
    return name.removeprefix("_AML_PARAMETER_")


def test_what_a_person_changes_is_a_parameter_of_the_pipeline(user: Workspace, sent) -> None:
    published = list(user.published.pipelines.values())[-1]
    assert published["ParameterAssignments"] == {
        "recipe": "recipes/on-azure.yaml",
        "set": "none",
        "data_root": DATA_ROOT,
        "fraction": "1.0",
        "contract": "none",
        "workers": "1",
        "epochs": "1",
        "max_evals": "recipe",
    }


def test_each_step_has_a_cluster_of_its_own_with_the_locks_packages(sent) -> None:
    pins = [f"package={pin}" for pin in step_libraries_here()]
    for _, said, _ in sent:
        assert said["spark_version"] == CLUSTER["spark_version"]
        assert said["node_type_id"] == CLUSTER["node_type_id"]
        assert said["num_workers"] == "2"
        assert said["spark_conf"] == "spark.databricks.delta.preview.enabled=true"
        assert said["spark_env_vars"].split(";") == [
            f"{name}={value}" for name, value in CLUSTER["spark_env_vars"].items()
        ]
        assert said["pypi_libraries"].split(";") == pins
        assert said["compute_name"] == "databricks"
        assert "existing_cluster_id" not in said
    assert any(pin.startswith("package=azureml-mlflow==") for pin in pins)


def step_libraries_here() -> list[str]:
    from throughline.checkout import project_root

    return step_libraries(project_root())


def test_a_cluster_that_is_there_takes_the_place_of_the_file(
    user: Workspace, main: Main, given: Given
) -> None:
    main(given, action="publish", endpoint="graph", existing_cluster="1118-120000-abc")
    for _, said, _ in graph_of(user):
        assert said["existing_cluster_id"] == "1118-120000-abc"
        assert said["permit_cluster_restart"] == "True"
        assert not {"spark_version", "num_workers", "spark_conf"} & set(said)


def test_results_are_reused_only_if_asked_for(user: Workspace, main: Main, given: Given) -> None:
    main(given, action="publish", endpoint="graph", reuse="yes")
    first = [module for _, _, module in graph_of(user)]
    assert all(module["IsDeterministic"] for module in first)
    main(given, action="publish", endpoint="graph", reuse="yes")
    assert [module for _, _, module in graph_of(user)] == first  # known by what they hold


def test_a_recipe_without_a_search_or_a_network_has_fewer_steps(
    user: Workspace, main: Main, given: Given, write_recipe: WriteRecipe
) -> None:
    recipe = write_recipe("plain", models=MODELS[:1])
    main(Given(recipe, given.cluster), action="publish", endpoint="graph")
    assert [name for name, _, _ in graph_of(user)] == ["prep", "train", "register"]


def test_the_snapshot_is_uploaded_once_and_holds_what_the_steps_need(user: Workspace, sent) -> None:
    snapshots = {module["StorageId"] for _, _, module in sent}
    assert len(snapshots) == 1
    content = user.pipelines.snapshots.content(snapshots.pop())
    assert set(content) == {"azureml_task.py", "project.tar.gz"}
    assert sum(map(len, content.values())) < 1_000_000
    with tarfile.open(fileobj=io.BytesIO(content["project.tar.gz"])) as archive:
        names = archive.getnames()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"MLproject", "steps", "throughline", "recipes"}
    assert "recipes/on-azure.yaml" in names and "steps/prep.py" in names
    assert not [name for name in names if "__pycache__" in name]


def test_a_service_that_takes_no_pipeline_is_one_sentence(
    user: Workspace, main: Main, given: Given
) -> None:
    user.pipelines.refuses = ("QuotaExceeded", "Too many pipelines run.")
    with pytest.raises(UserError, match="refuses to run the pipeline: Too many pipelines run "):
        main(given)
