"""One run of a job on Databricks: watched to its end, and cancelled if nobody waits for it."""

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from throughline.errors import UserError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.jobs import Run, RunState

logger = logging.getLogger(__name__)

_WAITING = {"PENDING", "QUEUED", "BLOCKED", "WAITING_FOR_RETRY"}
_ENDED = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}


@dataclass(frozen=True)
class JobRun:
    """A submitted run.

    Attributes:
        workspace: Where it runs.
        number: Its id.
        step: The step that it runs.
    """

    workspace: "WorkspaceClient"
    number: int
    step: str

    @property
    def url(self) -> str:
        """Its page in the workspace."""
        return str(self.look().run_page_url)

    def look(self) -> "Run":
        """What the workspace says of it now.

        Raises:
            UserError: The token is not taken any more.
        """
        from databricks.sdk.errors import PermissionDenied, Unauthenticated

        try:
            return self.workspace.jobs.get_run(self.number)
        except (PermissionDenied, Unauthenticated):
            raise UserError(
                f"Databricks does not take the token any more, and job run {self.number} of "
                f"{self.step} goes on unwatched; renew DATABRICKS_TOKEN and look at the run."
            ) from None

    def wait(self, poll_seconds: float, start_minutes: float) -> str:
        """Waits until it has ended, and logs what it does.

        Args:
            poll_seconds: The time between two looks.
            start_minutes: How long its cluster may take to start.

        Returns:
            What went wrong; empty if it ended well.

        Raises:
            UserError: The cluster did not start in time (the run is cancelled then), or the token
                is not taken any more.
        """
        began, shown = time.monotonic(), ""
        while True:
            state = self.look().state
            if state is None:
                raise RuntimeError(f"job run {self.number} has no state")
            name = state.life_cycle_state.value if state.life_cycle_state else ""
            if (now := _in_words(state)) != shown:
                logger.info("%s: job run %d is %s", self.step, self.number, now)
                shown = now
            if name in _ENDED:
                return "" if state.result_state and state.result_state.value == "SUCCESS" else now
            if name in _WAITING and time.monotonic() - began > 60 * start_minutes:
                self.cancel()
                raise UserError(
                    f"The cluster of {self.step} did not start within {start_minutes:g} minutes "
                    f"({now}); the run is cancelled: try another node_type_id, or give it longer "
                    "by THROUGHLINE_CLUSTER_START_MINUTES."
                )
            time.sleep(poll_seconds)

    def cancel(self) -> None:
        """Asks Databricks to end it; what hinders that is logged."""
        from databricks.sdk.errors import DatabricksError

        try:
            self.workspace.jobs.cancel_run(self.number)
        except (DatabricksError, TimeoutError) as error:
            logger.error("job run %d could not be cancelled: %s", self.number, error)
        else:
            logger.info("%s: job run %d is cancelled", self.step, self.number)


def _in_words(state: "RunState") -> str:
    parts = [part.value for part in (state.life_cycle_state, state.result_state) if part]
    message = f" ({state.state_message.rstrip('.')})" if state.state_message else ""
    return " ".join(parts) + message
