"""What a step makes of the arguments that Azure ML gives to its script."""

import os

import pytest

from throughline.azureml.step_run import step_arguments, take_run
from throughline.errors import UserError
from throughline.step import Parser

TOLD = {
    "AZUREML_SCRIPT_DIRECTORY_NAME": "5e1f",
    "AZUREML_RUN_TOKEN": "a.b.c",
    "AZUREML_RUN_TOKEN_EXPIRY": "2026-11-30T00:00:00Z",
    "AZUREML_RUN_ID": "the-run",
    "AZUREML_ARM_SUBSCRIPTION": "s",
    "AZUREML_ARM_RESOURCEGROUP": "g",
    "AZUREML_ARM_WORKSPACE_NAME": "w",
    "AZUREML_ARM_PROJECT_NAME": "late",
    "AZUREML_SERVICE_ENDPOINT": "https://westeurope.api.azureml.ms",
    "AZUREML_WORKSPACE_ID": "1",
    "AZUREML_EXPERIMENT_ID": "2",
    "MLFLOW_TRACKING_TOKEN": "a.b.c",
}
ADDED = [word for name, value in TOLD.items() for word in (f"--{name}", value)]


@pytest.fixture
def parser() -> Parser:
    made = Parser(prog="prep.py")
    made.add_argument("--recipe", default="none")
    made.add_argument("--data_root", default="data")
    return made


@pytest.mark.parametrize(
    "words",
    [
        ["--step", "prep", "--RECIPE", "a.yaml", "--DATA_ROOT", "dbfs:/x"],
        ["--step", "prep", "--recipe", "a.yaml", "--data_root", "dbfs:/x"],
        ["--step", "prep", "recipe", "a.yaml", "data_root", "dbfs:/x"],
        ["--_AML_PARAMETER_recipe", "a.yaml", "--_AML_PARAMETER_data_root", "dbfs:/x"],
        ["--_AML_PARAMETER_recipe", "a.yaml", "--RECIPE", "of the default", "data_root", "dbfs:/x"],
        ["--RECIPE", "of the default", "--_AML_PARAMETER_RECIPE", "a.yaml", "data_root", "dbfs:/x"],
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_pipeline_parameters_are_the_scripts_options(parser: Parser, words, first) -> None:
    given = step_arguments([*ADDED, *words] if first else [*words, *ADDED])
    assert vars(parser.parse_args(given)) == {"recipe": "a.yaml", "data_root": "dbfs:/x"}


def test_a_value_may_look_like_a_name(parser: Parser) -> None:
    given = step_arguments(["--RECIPE", "data_root", "--DATA_ROOT", "recipe", *ADDED])
    assert vars(parser.parse_args(given)) == {"recipe": "data_root", "data_root": "recipe"}


def test_a_script_takes_no_notice_of_what_azure_ml_adds(parser: Parser) -> None:
    assert vars(parser.parse_args([*ADDED, "--recipe", "a.yaml"]))["recipe"] == "a.yaml"
    assert vars(parser.parse_args(ADDED)) == {"recipe": "none", "data_root": "data"}


@pytest.mark.parametrize("wrong", ["--recpie", "--RECIPE", "--azureml_run_id", "--AZURE_RUN_ID"])
def test_other_words_are_mistakes_still(parser: Parser, wrong: str) -> None:
    with pytest.raises(UserError, match=f"unrecognized arguments: {wrong} x; see python steps/"):
        parser.parse_args([wrong, "x", *ADDED])


def test_the_run_of_the_pipeline_becomes_the_steps_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"MLFLOW_REGISTRY_URI": "databricks"})
    take_run(step_arguments(["--RECIPE", "a.yaml", *ADDED]))
    scope = "subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices"
    uri = f"azureml://westeurope.api.azureml.ms/mlflow/v2.0/{scope}/workspaces/w"
    assert os.environ == TOLD | {
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_REGISTRY_URI": uri,
        "MLFLOW_RUN_ID": "the-run",
        "MLFLOW_EXPERIMENT_NAME": "late",
    }
