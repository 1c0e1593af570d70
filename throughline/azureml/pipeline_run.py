"""One run of a pipeline: watched to its end, and cancelled if nobody waits for it."""

import logging
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from throughline.azureml.refusals import refusals
from throughline.errors import UserError
from throughline.step import FAILURE

if TYPE_CHECKING:
    from azureml.pipeline.core import PipelineRun

logger = logging.getLogger(__name__)

_ENDED = {"Finished", "Failed", "Canceled"}


@dataclass(frozen=True)
class WatchedRun:
    """A submitted run.

    Attributes:
        run: The SDK's.
        poll_seconds: The time between two looks.
        limit_seconds: How long it may take; it is cancelled then.
    """

    run: "PipelineRun"
    poll_seconds: float
    limit_seconds: float = math.inf

    @property
    def url(self) -> str:
        """Its page in the workspace."""
        return str(self.run.get_portal_url())

    def wait(self) -> dict[str, str]:
        """Waits until the run has ended; logs where it is and what its steps do.

        Whoever is interrupted meanwhile cancels it.

        Returns:
            The ids of the steps' runs by the steps' names.

        Raises:
            UserError: A step failed, somebody cancelled the run, it takes too long, or the service
                does not answer any more: then the run goes on unwatched.
        """
        try:
            logger.info("the pipeline run %s is at %s", self.run.id, self.url)
            return self._wait()
        except UserError:
            raise
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Asks the service to end the run; what hinders that is logged."""
        try:
            with refusals(f"to cancel the pipeline run {self.run.id}"):
                self.run.cancel()
        except UserError as error:
            logger.error("%s", error)
        else:
            logger.info("the pipeline run %s is cancelled", self.run.id)

    def _wait(self) -> dict[str, str]:
        shown: dict[str, str] = {}
        ends = time.monotonic() + self.limit_seconds
        while True:
            with refusals(f"to show the pipeline run {self.run.id}, which goes on unwatched"):
                status = self.run.get_status()
                # as plain runs: the SDK's own class for each takes requests that we need not
                steps = {one.name: one for one in self.run.get_children(_rehydrate_runs=False)}
                states = {name: one.status for name, one in steps.items()}
            for name, state in reversed(states.items()):  # the newest comes first
                if shown.get(name) != state:
                    logger.info("%s is %s", name, state)
            shown = states
            if status in _ENDED:
                break
            if time.monotonic() > ends:
                self.cancel()
                raise UserError(
                    f"The pipeline run was not done within {self.limit_seconds / 60:g} minutes, "
                    f"and is cancelled; see {self.url}"
                )
            time.sleep(self.poll_seconds)
        if status != "Finished":
            self._tell(status, steps)
        return {name: str(one.id) for name, one in reversed(steps.items())}

    def _tell(self, status: str, steps: dict[str, Any]) -> None:
        """Says why a run did not end well."""
        if status == "Canceled":
            raise UserError(f"The pipeline run was cancelled; see {self.url}")
        failed = [one for one in steps.values() if one.status == "Failed"]
        if not failed:
            raise UserError(f"The pipeline run failed before a step began; see {self.url}")
        step = failed[0]
        with refusals(f"to tell why {step.name} failed"):
            sentence = step.get_tags().get(FAILURE)
        if sentence:
            raise UserError(f"The step {step.name} stopped: {sentence}")
        raise UserError(f"The step {step.name} failed; its log is at {step.get_portal_url()}")
