"""A pipeline that others can run by its address: published, versioned, scheduled, taken away."""

import contextlib
import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from throughline.azureml.refusals import refusals
from throughline.errors import UserError

if TYPE_CHECKING:
    from azureml.core import Workspace
    from azureml.pipeline.core import Pipeline, PipelineEndpoint, Schedule, ScheduleRecurrence

logger = logging.getLogger(__name__)

FREQUENCIES = ("hour", "day", "week")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_MONDAY = ["Monday"]


def recurrence(every: str, at: str) -> "ScheduleRecurrence":
    """When a schedule starts runs: each hour at a minute, each day, or each Monday, at a time.

    Args:
        every: One of ``FREQUENCIES``.
        at: Hour and minute, UTC.

    Raises:
        UserError: One of both is something else.
    """
    from azureml.pipeline.core import ScheduleRecurrence
    from azureml.pipeline.core.schedule import TimeZone

    if every not in FREQUENCIES:
        raise UserError(f"{every!r} is no time between runs; give every={', '.join(FREQUENCIES)}.")
    if not (found := _TIME.fullmatch(at)):
        raise UserError(f"{at!r} is no time of day; give at=HH:MM (UTC), as in 05:00.")
    hour, minute = int(found[1]), int(found[2])
    # without a start in the past the first run would begin at once
    start = {"start_time": f"2026-01-01T00:{minute:02}:00", "time_zone": TimeZone.UTC}
    if every == "hour":
        return ScheduleRecurrence("Hour", 1, **start)
    days = {"week_days": _MONDAY} if every == "week" else {}
    return ScheduleRecurrence(every.title(), 1, hours=[hour], minutes=[minute], **days, **start)


def publish(
    workspace: "Workspace", pipeline: "Pipeline", name: str, description: str = "throughline"
) -> "PipelineEndpoint":
    """Publishes a pipeline as the new default version of an endpoint, which is made if need be.

    Args:
        workspace: The workspace.
        pipeline: The pipeline.
        name: The endpoint's name.
        description: What the version tells of itself.

    Raises:
        UserError: The service refuses it; what was published for it is taken back.
    """
    from azureml.pipeline.core import PipelineEndpoint

    with refusals(f"to publish the pipeline {name}"), contextlib.redirect_stdout(None):
        found = find(workspace, name)
        published = pipeline.publish(name=name, description=description)
        try:
            if found is None:
                return PipelineEndpoint.publish(workspace, name, "throughline", published)
            found.add_default(published)
            return found
        except BaseException:
            published.disable()  # it would be there without an endpoint
            raise


def schedule(
    workspace: "Workspace",
    name: str,
    experiment: str,
    when: "ScheduleRecurrence",
    values: Mapping[str, str],
) -> "Schedule":
    """Has the service run an endpoint's default version again and again.

    An endpoint has one schedule: it takes the place of one that is there. (An update could not
    change the experiment.)

    Args:
        workspace: The workspace.
        name: The endpoint's name.
        experiment: Where the runs are.
        when: When they start.
        values: The pipeline's parameters that are to differ from what was published.

    Raises:
        UserError: There is no such endpoint, or the service refuses it.
    """
    from azureml.pipeline.core import Schedule

    with (
        refusals(f"to schedule the pipeline {name}", SystemError),
        contextlib.redirect_stdout(None),
    ):
        endpoint = find(workspace, name)
        if endpoint is None:
            raise UserError(
                f"The workspace {workspace.name} has no pipeline endpoint {name}; publish it "
                "first, with action=publish."
            )
        before = _schedules(workspace, endpoint)
        made = Schedule.create_for_pipeline_endpoint(
            workspace,
            name=name,
            pipeline_endpoint_id=endpoint.id,
            experiment_name=experiment,
            recurrence=when,
            pipeline_parameters=dict(values),
        )
        try:
            for one in before:
                one.disable()
        except BaseException:
            made.disable()  # there would be two
            raise
        return made


def remove(workspace: "Workspace", name: str) -> list[str]:
    """Ends an endpoint's schedules, archives it and disables its pipelines.

    Returns:
        What was taken away, in words; empty if there was no such endpoint.

    Raises:
        UserError: The service refuses it.
    """
    with refusals(f"to remove the pipeline {name}"), contextlib.redirect_stdout(None):
        endpoint = find(workspace, name)
        if endpoint is None:
            return []
        done = []
        for one in _schedules(workspace, endpoint):
            one.disable()
            done.append(f"the schedule {one.name}")
        for pipeline in endpoint.list_pipelines():
            pipeline.disable()
        endpoint.archive()
    return [*done, f"the pipeline endpoint {name}"]


def _schedules(workspace: "Workspace", endpoint: "PipelineEndpoint") -> list["Schedule"]:
    """The schedules of an endpoint that start runs; the service keeps those that have ended."""
    from azureml.pipeline.core import Schedule

    there = Schedule.get_schedules_for_pipeline_endpoint_id(workspace, endpoint.id)
    return [one for one in there if one.status == "Active"]


def find(workspace: "Workspace", name: str) -> "PipelineEndpoint | None":
    """The endpoint of that name which is not archived; None if there is none."""
    from azureml.pipeline.core import PipelineEndpoint

    found = PipelineEndpoint.list(workspace)
    return next((one for one in found if one.name == name), None)
