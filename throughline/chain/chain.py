"""The chain of steps: each a run of its own below one parent."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from throughline.azure_store import studio_page
from throughline.caching.cache import REUSED, Found, find
from throughline.caching.key import NotSeenError
from throughline.caching.step_key import key_of
from throughline.chain.backend import Backend
from throughline.deployment.target import ENDPOINT
from throughline.errors import UserError
from throughline.login import without_login
from throughline.strict import nearest
from throughline.tracking import FIGURE, RESUMED

if TYPE_CHECKING:
    from mlflow.entities import Run

logger = logging.getLogger(__name__)


STEPS = ("prep", "train", "tune", "distributed_train", "register", "deploy")
GO_ON = ("tune", "distributed_train")
"""The steps that go on where an earlier attempt was ended, unless they are to start anew."""


@dataclass
class Finished:
    """A step that ended: what it did, how long that took, its run, its main figure, and why."""

    step: str
    state: str
    seconds: float
    run_id: str
    figure: str = ""
    why: str = ""


@dataclass
class Chain:
    """Runs entry points of this project one after the other.

    Attributes:
        backend: Where they run.
        forced: The steps that run whatever was done before.
        finished: The steps so far.
    """

    backend: Backend
    forced: frozenset[str] = frozenset()
    finished: list[Finished] = field(default_factory=list)

    def run(self, step: str, parameters: Mapping[str, object]) -> str:
        """Takes a finished run with the same key, or runs the entry point; returns the run's id.

        Raises:
            UserError: If the step ended with a user's mistake; the sentence names the step.
            RuntimeError: If it ended in another way than well.
        """
        return self.reconcile(step, parameters, partial(self.same, step, parameters), "cached")

    def same(self, step: str, parameters: Mapping[str, object]) -> Found:
        """The finished run of an entry point with the same key.

        Raises:
            NotSeenError: If what the key is made of cannot be looked at from here.
            UserError: If what the parameters name is not there.
        """
        if not self.backend.shares_data():
            raise NotSeenError("its data cannot be seen from here")
        return find(key_of(step, parameters))

    def reconcile(
        self,
        step: str,
        parameters: Mapping[str, object],
        look: Callable[[], Found],
        state: str = "unchanged",
    ) -> str:
        """Runs an entry point below the active run, unless what it would do is done.

        Args:
            step: The entry point.
            parameters: Its parameters.
            look: Finds the run that did it, or why it has to run.
            state: What the table says where it need not.

        Returns:
            The run's id.

        Raises:
            UserError: As :meth:`run`.
            RuntimeError: Likewise.
        """
        import mlflow

        started = time.monotonic()
        found = Found(None, "forced") if step in self.forced else _looked(step, look)
        if found.run:
            logger.info("step %s is %s", step, state)
            mlflow.set_tag(f"{REUSED}{step}", found.run.info.run_id)
            run, why, figure = found.run, "", found.figure
        else:
            logger.info("step %s: %s", step, found.why)
            run, why, figure = self._launched(step, parameters), found.why, ""
            state = "resumed" if RESUMED in run.data.tags else "ran"
            if state == "resumed":
                why = f"resumed {run.data.tags[RESUMED]}; {why}"
        seconds = time.monotonic() - started
        figure = figure or run.data.tags.get(FIGURE, "")
        self.finished.append(Finished(step, state, seconds, run.info.run_id, figure, why))
        return str(run.info.run_id)

    def _launched(self, step: str, parameters: Mapping[str, object]) -> "Run":
        import mlflow

        if step in self.forced and step in GO_ON:
            parameters = {**parameters, "resume": "none"}
        try:
            run_id = self.backend.run(step, {name: str(v) for name, v in parameters.items()})
        except UserError as error:
            raise UserError(f"The step {step} stopped: {error}") from None
        except RuntimeError as error:
            raise RuntimeError(f"The step {step} failed: {error}") from error
        return mlflow.MlflowClient().get_run(run_id)

    def skip(self, step: str, why: str) -> None:
        """Leaves a step out, and says why."""
        logger.info("step %s is left out: %s", step, why)
        self.finished.append(Finished(step, "left out", 0.0, "", why))

    def table(self) -> str:
        """The steps as a table for people."""
        columns: list[tuple[str, Callable[[Finished], str]]] = [
            ("step", lambda one: one.step),
            ("state", lambda one: one.state),
            ("seconds", lambda one: f"{one.seconds:.1f}"),
            ("figure", lambda one: one.figure),
            ("why not cached", lambda one: one.why),
        ]
        rows = [[title for title, _ in columns]]
        rows += [[show(one) for _, show in columns] for one in self.finished]
        widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def where_to_look(self) -> str:
        """The tracking UI, or its command; after deploy, the endpoint and a request to try."""
        import mlflow

        lines = [f"runs:      {_where_the_runs_are()}"]
        last = self.finished[-1]
        if last.step == "deploy" and last.run_id:
            endpoint = mlflow.artifacts.load_dict(f"runs:/{last.run_id}/{ENDPOINT}")
            served = f"{endpoint['url']} serves {endpoint['model']}, {endpoint['place']}"
            lines += [f"endpoint:  {served}", f"try:       {endpoint['curl']}"]
        return "\n".join(lines)


def _where_the_runs_are() -> str:
    """The page of the experiment or the server's where there is one, else the command of a UI.

    A login that the URI has is not shown: the shell knows it.
    """
    import mlflow
    from mlflow.utils.databricks_utils import get_databricks_host_creds
    from mlflow.utils.uri import is_databricks_uri

    uri, active = mlflow.get_tracking_uri(), mlflow.active_run()
    if active and (page := studio_page(uri, active.info.run_id)):
        return page
    if is_databricks_uri(uri) and active:
        host = get_databricks_host_creds(uri).host.rstrip("/")
        return f"{host}/ml/experiments/{active.info.experiment_id}"
    shown = without_login(uri)
    if uri.startswith(("http://", "https://")):
        return shown
    return f"mlflow ui --backend-store-uri {uri if shown == uri else '$MLFLOW_TRACKING_URI'}"


def steps_named(text: str) -> frozenset[str]:
    """Reads which steps to force: names by comma, ``all`` or ``none``.

    Raises:
        UserError: If there is no such step.
    """
    if text in ("all", "none"):
        return frozenset(STEPS if text == "all" else ())
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in STEPS:
            raise UserError(
                f"There is no step {name!r} to force; {nearest(name, STEPS)}: give force steps by "
                "comma, all or none."
            )
    return frozenset(names)


def _looked(step: str, look: Callable[[], Found]) -> Found:
    try:
        return look()
    except NotSeenError as error:
        return Found(None, str(error))
    except UserError as error:
        raise UserError(f"The step {step} stopped: {error}") from None
