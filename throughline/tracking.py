"""Runs: the active run of a step, its parent and its outputs, as tags that other steps read."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from throughline.azure_store import open_azure_store
from throughline.capabilities import in_status, tagged
from throughline.errors import UserError
from throughline.lost_runs import PARENT, PROCESS, end_lost_runs, this_process
from throughline.not_found import is_not_found
from throughline.step import FAILURE

if TYPE_CHECKING:
    from mlflow.entities import Run

    from throughline.prepared import PreparedTable

logger = logging.getLogger(__name__)

PREPARED = "throughline.prepared"
TABLE = "throughline.table"
"""What a candidate's table was made of, by which the same table at two addresses is known."""
RESUMED = "throughline.resumed"
"""After what a step went on from where an earlier attempt was ended."""
CANDIDATE = "throughline.candidate"
MODEL = "throughline.model"
REFITTED = "throughline.refitted"
"""A candidate's model trained once more, on the validation rows too; it is what is registered."""
STEP = "throughline.step"
CONTRACT = "throughline.contract"
"""How a table keeps the data contract that it was checked against."""
TRAINING_SECONDS = "training_seconds"
"""The metric of a candidate's run that says how long its training took."""
FIGURE = "throughline.figure"
"""A step's main figure in one line, for the table at the end of a chain."""


@contextmanager
def step_run(step: str) -> "Iterator[Run]":
    """The run of a step: the one that ``mlflow run`` opened, else a new one.

    A user's mistake inside is kept in the run as a tag, and the run ends as FAILED. It is told
    even if the tracking store takes no more. Runs that an earlier process left are ended first.
    """
    import mlflow
    import psutil
    from mlflow.exceptions import MlflowException
    from mlflow.utils.mlflow_tags import MLFLOW_SOURCE_NAME

    open_azure_store(mlflow.get_tracking_uri())
    name = None if "MLFLOW_RUN_ID" in os.environ else step
    _check_run_id()
    mistake: UserError | None = None
    try:
        tags = {STEP: step, PROCESS: this_process()}
        # nested, since main may call steps itself
        with mlflow.start_run(run_name=name, nested=True, tags=tags) as run:
            end_lost_runs(run.info.experiment_id, run.data.tags.get(MLFLOW_SOURCE_NAME, ""))
            mlflow.log_metric("startup_seconds", time.time() - psutil.Process().create_time())
            try:
                yield run
            except UserError as error:
                mistake = error
                mlflow.set_tag(FAILURE, str(error))
                raise
    except MlflowException:
        if mistake:
            raise mistake from None
        raise


def _check_run_id() -> None:
    """Refuses the run of another tracking store, which the environment may name.

    Raises:
        UserError: The run is not in this one.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    if not (run_id := os.environ.get("MLFLOW_RUN_ID")):
        return
    try:
        mlflow.MlflowClient().get_run(run_id)
    except MlflowException as error:
        if not is_not_found(error):
            raise
        raise UserError(
            f"MLFLOW_RUN_ID names the run {run_id}, which is not in this tracking store but "
            "perhaps in another; unset MLFLOW_RUN_ID."
        ) from None


@contextmanager
def training_time() -> Iterator[None]:
    """Logs in the active run how many seconds the training inside took."""
    import mlflow

    started = time.monotonic()
    yield
    mlflow.log_metric(TRAINING_SECONDS, time.monotonic() - started)


def takes_table(table: "PreparedTable") -> None:
    """Tags the active run with the prepared table that it takes: pruning keeps that from now on."""
    import mlflow

    mlflow.set_tags({PREPARED: table.output.uri, TABLE: table.key})


def find_run(run_id: str, what: str) -> "Run":
    """The run with this id.

    Raises:
        UserError: If there is none; ``what`` says which parameter named it.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        return mlflow.MlflowClient().get_run(run_id)
    except MlflowException as error:
        unlike_any_id = error.error_code == "INVALID_PARAMETER_VALUE"
        if not (is_not_found(error) or unlike_any_id):
            raise
        raise UserError(
            f"There is no run {run_id!r} in the tracking store; give {what} the id of a finished "
            "run."
        ) from None


def latest(tag: str, step: str) -> "Run":
    """The newest finished run in the active experiment that has this tag.

    Raises:
        UserError: If there is none; ``step`` is the one to run first.
    """
    import mlflow

    client = mlflow.MlflowClient()
    active = mlflow.active_run()
    experiment = active.info.experiment_id if active else "0"
    query = f"{tagged(tag)} AND {in_status('FINISHED')}"
    if tag == PREPARED:  # candidates carry it too
        query += f" AND tags.`{STEP}` = '{step}'"
    found = client.search_runs(
        [experiment], query, max_results=1, order_by=["attributes.start_time DESC"]
    )
    if not found:
        raise UserError(f"No finished run of {step} is in this experiment; run {step} first.")
    return found[0]


def prepared_uri(run_id: str, what: str = "prep_run") -> str:
    """Where the prep step of this run wrote its table; ``latest`` is the last one that finished.

    Raises:
        UserError: If the run did not finish a preparation; ``what`` is the parameter that named it.
    """
    run = latest(PREPARED, "prep") if run_id == "latest" else find_run(run_id, what)
    uri = run.data.tags.get(PREPARED)
    if not uri:
        raise UserError(f"The run {run_id} did not prepare a table; give {what} a run of prep.")
    return str(uri)


def children(run_id: str) -> "list[Run]":
    """The runs directly below a run, oldest first."""
    import mlflow

    client = mlflow.MlflowClient()
    experiment = client.get_run(run_id).info.experiment_id
    found = client.search_runs(
        [experiment], f"tags.`{PARENT}` = '{run_id}'", order_by=["attributes.start_time ASC"]
    )
    return list(found)


def candidates_of(runs: str) -> "list[Run]":
    """The candidates among the given runs and all runs below them.

    Args:
        runs: Run ids with commas between, or ``latest``: those on the newest candidate's table.

    Raises:
        UserError: If a run does not exist, or there is no candidate.
    """
    if runs == "latest":
        found = _newest_candidates()
    else:
        found = [run for run_id in runs.split(",") for run in _candidates_below(run_id.strip())]
    if not found:
        raise UserError(f"There is no candidate under the runs {runs}; run train first.")
    return found


def _candidates_below(run_id: str) -> "list[Run]":
    """The candidates among a run and all runs below it; below a candidate there are none.

    Raises:
        UserError: If there is no such run.
    """
    run = find_run(run_id, "candidates")
    if run.data.tags.get(CANDIDATE) and run.info.status == "FINISHED":
        return [run]
    return [c for child in children(run_id) for c in _candidates_below(child.info.run_id)]


def runs_with(ids: Sequence[str]) -> "list[Run]":
    """The runs with these ids, in this order; one that is not there is left out."""
    import mlflow

    if not ids:
        return []
    active = mlflow.active_run()
    listed = ", ".join(f"'{one}'" for one in ids)
    found = mlflow.MlflowClient().search_runs(
        [active.info.experiment_id if active else "0"],
        f"attributes.run_id IN ({listed})",
        max_results=len(ids),
    )
    by_id = {run.info.run_id: run for run in found}
    return [by_id[one] for one in ids if one in by_id]


def prepared_of(candidates: "list[Run]") -> "PreparedTable":
    """The prepared table that all the candidates were trained on.

    Where it was made more than once, of the same, it is one that is still there.

    Raises:
        UserError: If there are several: figures on different rows do not compare.
    """
    from throughline.outputs import Output
    from throughline.prepared import PreparedTable

    if len({_table_of(run) for run in candidates}) > 1:
        raise UserError(
            "The candidates were trained on different prepared tables and do not compare; "
            "give runs that follow one run of prep."
        )
    made = [run.data.tags[PREPARED] for run in preparations(_table_of(candidates[0]))]
    addresses = list(dict.fromkeys([*made, *(run.data.tags[PREPARED] for run in candidates)]))
    whole = (uri for uri in addresses if not Output(uri).damage())
    return PreparedTable.open(next(whole, addresses[0]))


def _table_of(candidate: "Run") -> str:
    return str(candidate.data.tags.get(TABLE) or candidate.data.tags[PREPARED])


def preparations(key: str) -> "list[Run]":
    """The runs of prep that made the table with this key, the newest first."""
    import mlflow

    active = mlflow.active_run()
    query = f"tags.`{STEP}` = 'prep' AND tags.`{TABLE}` = '{key}'"
    return list(
        mlflow.MlflowClient().search_runs(
            [active.info.experiment_id if active else "0"],
            f"{query} AND {in_status('FINISHED')}",
            order_by=["attributes.start_time DESC"],
        )
    )


def _newest_candidates() -> "list[Run]":
    import mlflow

    active = mlflow.active_run()
    newest = latest(CANDIDATE, "train")
    tag = TABLE if TABLE in newest.data.tags else PREPARED
    found = mlflow.MlflowClient().search_runs(
        [active.info.experiment_id if active else newest.info.experiment_id],
        f"{tagged(CANDIDATE)} AND tags.`{tag}` = '{newest.data.tags[tag]}'"
        f" AND {in_status('FINISHED')}",
    )
    return list(found)
