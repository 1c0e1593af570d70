import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
STEP = """
import sys
sys.path.insert(0, {project!r})
from throughline.errors import UserError
from throughline.step import run_step
def main():
    {body}
run_step(main)
"""


def run(body, **environment):
    script = STEP.format(project=str(PROJECT), body=body)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment or None
    )


def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path):
    told = tmp_path / "error"
    done = run("raise UserError('The table\\n is  gone.')", THROUGHLINE_ERROR_FILE=str(told))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: The table is gone.\n"
    assert told.read_text() == "The table is gone."


def test_a_bug_keeps_its_stack_trace():
    done = run("raise KeyError('x')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "KeyError: 'x'" in done.stderr


def test_success_is_0_and_an_interrupt_130():
    assert run("pass").returncode == 0
    interrupted = run("raise KeyboardInterrupt")
    assert interrupted.returncode == 130
    assert "Traceback" not in interrupted.stderr


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("0.25", 0.25), ("1e-3", 0.001)])
def test_a_fraction(text, value):
    from throughline.step import fraction

    assert fraction(text) == value


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "half", "nan", "inf", ""])
def test_refuses_what_is_no_fraction(text):
    from argparse import ArgumentTypeError

    from throughline.step import fraction

    with pytest.raises(ArgumentTypeError, match="is no share; give a number above 0, up to 1"):
        fraction(text)


def test_children_tell_their_mistake_in_a_file_of_their_own(monkeypatch):
    from throughline.step import ERROR_FILE, child_errors

    monkeypatch.setenv(ERROR_FILE, "outer")
    import os

    with child_errors() as path:
        assert os.environ[ERROR_FILE] == str(path) != "outer"
    assert os.environ[ERROR_FILE] == "outer"
    assert not path.parent.exists()


def test_on_databricks_a_mistake_before_a_step_took_its_run_ends_that_run(monkeypatch, tmp_path):
    import mlflow

    from throughline.errors import UserError
    from throughline.step import FAILURE, report

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    try:
        run = mlflow.MlflowClient().create_run("0")
        monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "15.4")
        monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
        report(UserError("The recipe is gone."))
        found = mlflow.get_run(run.info.run_id)
        assert (found.info.status, found.data.tags[FAILURE]) == ("FAILED", "The recipe is gone.")
    finally:
        mlflow.set_tracking_uri(before)
