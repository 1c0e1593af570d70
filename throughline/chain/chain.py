"""The chain of steps: each a run of its own below one parent."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from throughline.chain.backend import Backend
from throughline.errors import UserError
from throughline.tracking import FIGURE

logger = logging.getLogger(__name__)


@dataclass
class Finished:
    """A step that ended: its run, how long it took, and its main figure."""

    step: str
    state: str
    seconds: float
    run_id: str
    figure: str = ""


@dataclass
class Chain:
    """Runs entry points of this project one after the other.

    Attributes:
        backend: Where they run.
        finished: The steps so far.
    """

    backend: Backend
    finished: list[Finished] = field(default_factory=list)

    def run(self, step: str, parameters: Mapping[str, object]) -> str:
        """Runs an entry point to its end, nested below the active run, and returns its run's id.

        Raises:
            UserError: If the step ended with a user's mistake; the sentence names the step.
            RuntimeError: If it ended in another way than well.
        """
        import mlflow

        logger.info("step %s", step)
        started = time.monotonic()
        try:
            run_id = self.backend.run(step, {name: str(v) for name, v in parameters.items()})
        except UserError as error:
            raise UserError(f"The step {step} stopped: {error}") from None
        except RuntimeError as error:
            raise RuntimeError(f"The step {step} failed: {error}") from error
        figure = mlflow.MlflowClient().get_run(run_id).data.tags.get(FIGURE, "")
        seconds = time.monotonic() - started
        self.finished.append(Finished(step, "ran", seconds, run_id, figure))
        return run_id

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
        ]
        rows = [[title for title, _ in columns]]
        rows += [[show(one) for _, show in columns] for one in self.finished]
        widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def where_to_look(self) -> str:
        """The tracking UI's command; after deploy, the endpoint and a request to try."""
        import mlflow

        lines = [f"runs:      {_where_the_runs_are()}"]
        last = self.finished[-1]
        if last.step == "deploy" and last.run_id:
            endpoint = mlflow.artifacts.load_dict(f"runs:/{last.run_id}/endpoint.json")
            served = f"{endpoint['url']} serves {endpoint['model']}, {endpoint['place']}"
            lines += [f"endpoint:  {served}", f"try:       {endpoint['curl']}"]
        return "\n".join(lines)


def _where_the_runs_are() -> str:
    """The page of the experiment where a workspace has one, else the command of a UI."""
    import mlflow
    from mlflow.utils.databricks_utils import get_databricks_host_creds
    from mlflow.utils.uri import is_databricks_uri

    uri, active = mlflow.get_tracking_uri(), mlflow.active_run()
    if is_databricks_uri(uri) and active:
        host = get_databricks_host_creds(uri).host.rstrip("/")
        return f"{host}/ml/experiments/{active.info.experiment_id}"
    return f"mlflow ui --backend-store-uri {uri}"
