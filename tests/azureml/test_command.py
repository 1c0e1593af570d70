"""The command that makes a shell track to a workspace."""

import shlex

from tests.emulators.azureml.workspace import SECRET


def test_a_shell_takes_what_is_printed(running, run):
    shown = 'echo "$MLFLOW_TRACKING_URI ${MLFLOW_RUN_ID-none} ${MLFLOW_TRACKING_TOKEN-none}"'
    script = f'eval "$(python -m throughline.azureml)" && {shown}'
    foreign = {"MLFLOW_RUN_ID": "of another store", "MLFLOW_TRACKING_TOKEN": "of another server"}
    done = run("sh", "-c", script, **running.names, **foreign)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [running.tracking.address, "none", "none"]
    assert SECRET not in done.stdout + done.stderr


def test_the_names_may_be_arguments(running, run):
    resources = running.resources
    names = ("--resource_group", resources.group, "--workspace_name", resources.workspace)
    command = ("python", "-m", "throughline.azureml", "--subscription_id", resources.subscription)
    done = run(*command, *names)
    printed = f"export MLFLOW_TRACKING_URI={shlex.quote(running.tracking.address)}\n"
    assert (done.returncode, done.stdout) == (0, printed), done.stderr


def test_a_mistake_is_a_sentence_and_exit_code_2(running, run):
    command = ("python", "-m", "throughline.azureml")
    done = run(*command, **{**running.names, "AZURE_CLIENT_SECRET": "wrong"})
    told = "error: Azure refuses the secret in AZURE_CLIENT_SECRET; set it to the secret's value.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)
