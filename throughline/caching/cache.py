"""Finished runs by their keys: what a step leaves for the next time, and how it is found."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from throughline.caching.code import check_unedited
from throughline.caching.key import Key, NotSeenError
from throughline.caching.results import Files, damage, results_of
from throughline.caching.step_key import key_of
from throughline.capabilities import in_status, tagged
from throughline.errors import UserError
from throughline.tracking import STEP, step_run

if TYPE_CHECKING:
    from mlflow.entities import Run

logger = logging.getLogger(__name__)

KEY = "throughline.key"
"""The tag of a finished step's run with the digest of its key; a run without it is not reused."""
REUSED = "throughline.reused."
"""Before a step's name: the tag of a chain's run with the run whose result it took again."""
RECORD = "step.json"
"""The artifact with the key's parts and the step's results: longer than a tag may be."""
_TRIED = 5


@dataclass(frozen=True)
class Found:
    """A finished run to take, or why there is none.

    Attributes:
        run: The run; None if the step has to run.
        why: Why it has to.
        figure: What the step made, in one line, where the run's own line would not do.
    """

    run: "Run | None"
    why: str = ""
    figure: str = ""


@dataclass(frozen=True)
class Keyed:
    """A step's run and its key; None where what the key is made of could not be looked at."""

    run: "Run"
    key: Key | None
    parameters: Mapping[str, Any]

    @property
    def code(self) -> str:
        """Names the code and the packages, for what goes on only with what the same ones began."""
        return self.key.code if self.key else ""

    def digest_now(self) -> str:
        """The key's digest; empty if there is none, or if what it is made of has changed since."""
        return "" if self.key is None or self.changed() else self.key.digest

    def changed(self) -> str:
        """What of the key has changed since the step began, for people; empty if nothing."""
        if self.key is None:
            return ""
        try:
            now = _key(self.key.step, self.parameters)
        except UserError as error:  # the recipe is being edited, say: the step has read it
            return str(error)
        return self.key.differences(now.parts) if now else "what its key is made of is gone"


@contextmanager
def keyed_run(
    step: str, parameters: Mapping[str, Any], *, changes_inputs: bool = False
) -> "Iterator[Keyed]":
    """The run of a step whose result may be taken again; see ``step_run``.

    Its key becomes a tag when the step has ended well, unless something that the key is made of was
    changed while the step ran: nobody could tell then which of both it used.

    Args:
        step: The entry point.
        parameters: Its parameters.
        changes_inputs: Whether the step itself changes what its key is made of.
    """
    with step_run(step) as run:
        keyed = Keyed(run, _key(step, parameters), parameters)
        yield keyed
        if keyed.key is None:
            return
        if not changes_inputs and (changed := keyed.changed()):
            logger.warning("this run will not be taken again: meanwhile %s", changed)
        else:
            _record(run.info.run_id, keyed.key)


def find(key: Key) -> Found:
    """Looks in the active experiment for a finished run with this key whose results are whole."""
    runs = finished(f"tags.`{KEY}` = '{key.digest}'", _TRIED)
    problem = ""
    for run in runs:
        record = record_of(run)
        if record is None:
            problem = problem or f"{RECORD} of its run is missing"
            continue
        results: dict[str, Files] = record["results"]
        if not (found := damage(run, results)):
            return Found(run)
        problem = problem or found
    if runs:
        return Found(None, problem)
    earlier = finished(f"{tagged(KEY)} AND tags.`{STEP}` = '{key.step}'", 1)
    if not earlier:
        return Found(None, "the first time")
    before = record_of(earlier[0])
    return Found(None, key.differences(before["parts"]) if before else "the last run left no key")


def record_of(run: "Run") -> dict[str, Any] | None:
    """The key's parts and the step's results, as it wrote them; see :func:`json_of`."""
    return json_of(run, RECORD)


def json_of(run: "Run", name: str) -> dict[str, Any] | None:
    """What is in an artifact of JSON at the top of a run; None if it is gone or damaged.

    Raises:
        MlflowException: It is there, or may be, and cannot be read now; or an ``OSError``.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        return dict(mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/{name}"))
    except (MlflowException, OSError, ValueError) as error:
        no_json = getattr(error, "error_code", "") == "BAD_REQUEST"
        if no_json or (isinstance(error, ValueError) and not isinstance(error, OSError)):
            return None
        # A server that lacks a file says so in words alone; its list is plain, or fails as well.
        there = mlflow.MlflowClient().list_artifacts(run.info.run_id)
        if name in {file.path for file in there}:
            raise
        return None


def finished(condition: str, most: int) -> "list[Run]":
    """The newest finished runs of the active experiment that a condition names, of all steps."""
    import mlflow

    active = mlflow.active_run()
    return list(
        mlflow.MlflowClient().search_runs(
            [active.info.experiment_id if active else "0"],
            f"{condition} AND {in_status('FINISHED')}",
            max_results=most,
            order_by=["attributes.start_time DESC"],
        )
    )


def _key(step: str, parameters: Mapping[str, Any]) -> Key | None:
    try:
        key = key_of(step, parameters)
        check_unedited(key.parts["code"])
        return key
    except NotSeenError as error:
        logger.info("this run will not be taken again: %s", error)
        return None


def _record(run_id: str, key: Key) -> None:
    import mlflow

    client = mlflow.MlflowClient()
    record = {"parts": key.parts, "results": results_of(client.get_run(run_id))}
    client.log_text(run_id, json.dumps(record, indent=1), RECORD)
    client.set_tag(run_id, KEY, key.digest)  # last: a run counts from here on
