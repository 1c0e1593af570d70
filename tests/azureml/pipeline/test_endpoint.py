"""A pipeline that is published, scheduled and removed again."""

import pytest

from tests.azureml.pipeline.conftest import DATA_ROOT, Given, Main
from tests.emulators.azureml.workspace import Workspace
from throughline.azureml.pipeline_endpoint import recurrence
from throughline.azureml.pipeline_run import WatchedRun
from throughline.azureml.workspace import find_workspace, open_workspace
from throughline.errors import UserError

RECIPE = "recipes/flights.yaml"


@pytest.fixture
def published(empty: Workspace, main: Main, given: Given) -> Workspace:
    """The workspace with one endpoint, of one version."""
    for among in (empty.published.pipelines, empty.published.endpoints, empty.published.schedules):
        among.clear()
    main(given, action="publish", endpoint="late")
    return empty


def the_endpoint(workspace: Workspace) -> dict:
    (found,) = workspace.published.endpoints.values()
    return found


def test_it_is_published_as_an_endpoint(published: Workspace, main, given, capsys) -> None:
    endpoint = the_endpoint(published)
    assert endpoint["Name"] == "late"
    runs = len(published.pipelines.runs)
    main(given, action="publish", endpoint="late", epochs=7)
    endpoint = the_endpoint(published)
    assert [v["Version"] for v in endpoint["PipelineVersionList"]] == ["0", "1"]
    assert endpoint["DefaultVersion"] == "1"
    assert capsys.readouterr().out == f"Version 1 of late is at {endpoint['Url']}\n"
    newest = published.published.pipelines[endpoint["PipelineVersionList"][1]["PipelineId"]]
    assert newest["ParameterAssignments"]["epochs"] == "7"
    assert len(published.pipelines.runs) == runs


def test_what_is_refused_leaves_no_pipeline_behind(published: Workspace, main, given) -> None:
    for name in ("late", "another"):
        published.published.refuses = ("UserError", "Not now")
        with pytest.raises(UserError, match=f"refuses to publish the pipeline {name}: Not now "):
            main(given, action="publish", endpoint=name)
    states = [one["EntityStatus"] for one in published.published.pipelines.values()]
    assert states == ["Active", "Disabled", "Disabled"]
    assert len(the_endpoint(published)["PipelineVersionList"]) == 1


def scheduled(main: Main, given: Given, endpoint: str = "late", **options) -> None:
    """Has it scheduled; the recipe is the published one."""
    main(given, action="schedule", endpoint=endpoint, recipe=RECIPE, **options)


def published_values(workspace: Workspace) -> dict[str, str]:
    """What the newest version was published with."""
    *_, newest = the_endpoint(workspace)["PipelineVersionList"]
    return workspace.published.pipelines[newest["PipelineId"]]["ParameterAssignments"]


def active(workspace: Workspace) -> dict[str, dict]:
    """The schedules that start runs."""
    found = workspace.published.schedules.items()
    return {number: one for number, one in found if one["EntityStatus"] == "Active"}


def test_it_is_scheduled_and_the_schedule_changed(published: Workspace, main, given) -> None:
    published.computes.attached.clear()  # a schedule needs none from here
    scheduled(main, given, every="day", at="04:30", fraction=0.5)
    (made,) = active(published).values()
    assert made["PipelineEndpointId"] == the_endpoint(published)["Id"]
    assert made["Recurrence"]["Frequency"] == "Day"
    assert made["Recurrence"]["TimeZone"] == "UTC"
    assert made["Recurrence"]["Schedule"]["Hours"] == [4]
    assert made["Recurrence"]["Schedule"]["Minutes"] == [30]
    said = made["PipelineSubmissionInfo"]
    assert said["ExperimentName"] == "throughline"
    assert said["ParameterAssignments"]["fraction"] == "0.5"
    assert said["ParameterAssignments"]["data_root"] == DATA_ROOT
    scheduled(main, given, every="week", at="23:05", experiment="weekly")
    (changed,) = active(published).values()
    assert changed["Recurrence"]["Frequency"] == "Week"
    assert changed["Recurrence"]["Schedule"]["WeekDays"] == ["Monday"]
    assert changed["PipelineSubmissionInfo"]["ExperimentName"] == "weekly"
    assert "fraction" not in changed["PipelineSubmissionInfo"]["ParameterAssignments"]


def test_a_schedule_runs_what_was_published_but_for_what_it_is_given(
    published: Workspace, main, given
) -> None:
    main(given, action="publish", endpoint="late", fraction=0.5, epochs=7)
    scheduled(main, given, epochs=9)
    (number,) = active(published)
    published.pipelines.starts = False
    run = published.pipelines.runs[published.published.fire(number)]
    try:
        assert run.experiment == "throughline"
        assert (run.values["fraction"], run.values["epochs"]) == ("0.5", "9")
        assert run.values["recipe"] == published_values(published)["recipe"]
    finally:
        run.cancel()


@pytest.mark.slow
def test_others_run_it_with_other_values(published: Workspace) -> None:
    """And what a step says before it has taken its run is kept in the run all the same."""
    from azureml.pipeline.core import PipelineEndpoint

    opened = open_workspace(find_workspace({}))
    endpoint = PipelineEndpoint.get(opened, name="late")
    started = endpoint.submit("others", pipeline_parameters={"recipe": "recipes/none.yaml"})
    with pytest.raises(UserError) as told:
        WatchedRun(started, 0.2).wait()
    assert "The step prep stopped: The recipe recipes/none.yaml cannot be" in str(told.value)


@pytest.mark.parametrize("options", [{"recipe": "recipes/wine.yaml"}, {"set": "split.seed=3"}])
def test_a_schedule_takes_no_other_recipe(published: Workspace, main, given, options) -> None:
    with pytest.raises(UserError, match="runs the recipe that was published; leave recipe and s"):
        main(given, action="schedule", endpoint="late", **options)
    assert not published.published.schedules


def test_a_schedule_that_cannot_take_the_place_of_another_is_ended(
    published: Workspace, main, given
) -> None:
    scheduled(main, given)
    ((number, _),) = active(published).items()
    published.published.keeps = number
    with pytest.raises(UserError, match="refuses to schedule the pipeline late: Not now"):
        scheduled(main, given, every="week")
    published.published.keeps = ""
    assert list(active(published)) == [number]


def test_a_schedule_needs_an_endpoint(published: Workspace, main, given) -> None:
    with pytest.raises(UserError, match="has no pipeline endpoint early; publish it first"):
        scheduled(main, given, endpoint="early")
    assert not published.published.schedules


def test_it_is_removed(published: Workspace, main, given, capsys) -> None:
    scheduled(main, given)
    capsys.readouterr()
    main(given, action="remove", endpoint="late")
    assert capsys.readouterr().out == (
        "Removed the schedule late, the pipeline endpoint late, the compute databricks.\n"
    )
    kept = published.published
    for among in (kept.endpoints, kept.pipelines, kept.schedules):
        assert {one["EntityStatus"] for one in among.values()} == {"Disabled"}
    assert not published.computes.attached
    main(given, action="remove", endpoint="late")
    assert capsys.readouterr().out == "There was nothing to remove.\n"
    main(given, action="publish", endpoint="late")  # the name is free again


@pytest.mark.parametrize(
    ("every", "at", "sentence"),
    [
        ("fortnight", "05:00", "'fortnight' is no time between runs; give every=hour, day, week"),
        ("day", "25:00", "'25:00' is no time of day; give at=HH:MM"),
        ("day", "noon", "'noon' is no time of day"),
    ],
)
def test_a_wrong_time_is_one_sentence(every: str, at: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        recurrence(every, at)


@pytest.mark.parametrize("every", ["hour", "day", "week"])
def test_the_first_run_is_not_at_once(every: str) -> None:
    assert recurrence(every, "05:30").start_time < "2026-02"


def test_an_hourly_schedule_has_a_minute() -> None:
    made = recurrence("hour", "00:25")
    made.validate()
    assert (made.frequency, made.start_time) == ("Hour", "2026-01-01T00:25:00")
