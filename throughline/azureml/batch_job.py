"""A batch job: a pipeline of one step, which scores the files of a dataset; and what it leaves."""

import json
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.azureml.batch_scoring import predictions_in
from throughline.azureml.entry_script import NAME, batch_directory
from throughline.azureml.pipeline_run import WatchedRun
from throughline.azureml.refusals import is_told
from throughline.azureml.served_environment import batch_environment
from throughline.azureml.webservice import service_name
from throughline.deployment.target import ModelVersion
from throughline.errors import UserError

if TYPE_CHECKING:
    from azureml.core import Workspace
    from azureml.core.compute import AmlCompute
    from azureml.data import FileDataset
    from azureml.pipeline.core import Pipeline, PipelineRun

INPUT = "input"
"""The pipeline's parameter: the dataset whose files are scored."""
STEP = "score"
OUTPUT = "predictions"
FILE = "predictions.jsonl"
_FOLDER = "throughline/batch"
"""Where requests are, on the workspace's default datastore."""
_FILE_SECONDS = 6 * 60 * 60
"""How long one file may take; Azure ML gives it a minute by default."""
_LOGS = (
    "logs/job_progress_overview.txt",
    "logs/user/stdout/",
    "logs/user/stderr/",
    "logs/user/error.txt",
)
"""Of a step's logs those that tell of the script, and last what went wrong.

Source: "Troubleshooting the ParallelRunStep" in https://github.com/MicrosoftDocs/azure-docs.
"""
_SHOWN_LINES = 8


@dataclass(frozen=True)
class Machines:
    """Where a job runs.

    Attributes:
        cluster: The machines.
        nodes: How many of them.
    """

    cluster: "AmlCompute"
    nodes: int


def uploaded(workspace: "Workspace", name: str, request: dict[str, Any]) -> "FileDataset":
    """A dataset of one file on the default datastore, with a request.

    Args:
        workspace: The workspace.
        name: The folder that it gets a folder of its own in.
        request: The request, in one of MLflow's JSON forms.
    """
    from azureml.core import Dataset

    store, place = workspace.get_default_datastore(), f"{_FOLDER}/{name}/{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "request.json"
        file.write_text(json.dumps(request), encoding="utf-8")
        store.upload_files([str(file)], target_path=place, show_progress=False)
    return Dataset.File.from_files((store, f"{place}/{file.name}"), validate=False)


@contextmanager
def pipeline_of(
    workspace: "Workspace",
    machines: Machines,
    model: ModelVersion,
    files: Path,
    rows: "FileDataset",
) -> Iterator["Pipeline"]:
    """The pipeline that scores files with a version; what it uploads is there during the block.

    Args:
        workspace: The workspace.
        machines: Where it runs.
        model: The version.
        files: The folder with its files.
        rows: What it scores if nothing else is given.
    """
    from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
    from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter
    from azureml.pipeline.steps import ParallelRunConfig, ParallelRunStep

    with batch_directory(model, files) as folder, _path_kept():
        given = PipelineParameter(INPUT, rows)
        settings = ParallelRunConfig(
            environment=batch_environment(f"{service_name(model.name)}-batch", files),
            entry_script=NAME,
            source_directory=str(folder),
            output_action="append_row",
            append_row_file_name=FILE,
            compute_target=machines.cluster,
            node_count=machines.nodes,
            mini_batch_size="1",
            error_threshold=0,
            run_invocation_timeout=_FILE_SECONDS,
        )
        step = ParallelRunStep(
            name=STEP,
            parallel_run_config=settings,
            inputs=[DatasetConsumptionConfig("rows", given).as_mount()],
            output=PipelineData(OUTPUT, datastore=workspace.get_default_datastore()),
            allow_reuse=False,
        )
        yield Pipeline(workspace, [step], description=model.uri)


@contextmanager
def _path_kept() -> Iterator[None]:
    """Keeps the path of imports as it is: the SDK leaves a step's folder on it."""
    path = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = path


def predictions_of(run: "PipelineRun", poll_seconds: float, limit_seconds: float) -> Any:
    """Waits for the end of a run on one file, and returns its predictions.

    Args:
        run: The run.
        poll_seconds: The time between two looks.
        limit_seconds: How long it may take; it is cancelled then.

    Raises:
        UserError: It failed, with the last lines of its log, or it takes longer.
    """
    watched = WatchedRun(run, poll_seconds, limit_seconds)
    try:
        watched.wait()
    except UserError as error:
        raise UserError(f"{str(error).rstrip('.')}{_log_of(run)}") from None
    (step,) = run.find_step_run(STEP)
    with tempfile.TemporaryDirectory() as scratch:
        step.get_output_data(OUTPUT).download(scratch, show_progress=False)
        (output,) = Path(scratch).rglob(FILE)
        (told,) = predictions_in(output.read_text(encoding="utf-8").splitlines())
    return told["predictions"]


def last_lines(run: "PipelineRun", lines: int) -> list[str]:
    """The last lines of a run's log that are not blank."""
    found = [
        line.rstrip()
        for step in run.get_children(_rehydrate_runs=False)
        for text in _texts(step.get_details_with_logs().get("logFiles", {}))
        for line in text.splitlines()
        if line.strip()
    ]
    return found[-lines:]


def _log_of(run: "PipelineRun") -> str:
    try:
        shown = " | ".join(last_lines(run, _SHOWN_LINES))
    except Exception as error:
        if not is_told(error):
            raise
        shown = ""  # why the run failed is more than that its log cannot be read
    return f"; its log ends: {shown}" if shown else ""


def _texts(logs: dict[str, str]) -> list[str]:
    """The logs of the script; all, of a job that did not come to run it."""
    known = [text for of in _LOGS for name, text in sorted(logs.items()) if name.startswith(of)]
    return known or [text for _, text in sorted(logs.items())]
