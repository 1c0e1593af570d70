"""The chain as a pipeline of Azure ML: a DatabricksStep for each step, one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.azureml.pipeline_run import WatchedRun
from throughline.azureml.refusals import refusals
from throughline.errors import UserError
from throughline.packaging.azureml import TASK

if TYPE_CHECKING:
    from azureml.core import Workspace
    from azureml.core.compute import DatabricksCompute
    from azureml.pipeline.core import Pipeline, PipelineParameter
    from azureml.pipeline.steps import DatabricksStep

    from throughline.recipe.recipe import Recipe

LATEST = {
    "prep": {},
    "train": {"prep_run": "latest"},
    "tune": {"prep_run": "latest"},
    "distributed_train": {"prep_run": "latest"},
    "register": {"candidates": "latest"},
}
"""The steps in order, and by what each finds the one before: all are runs of one experiment."""
_RECIPE = ("recipe", "set")
_CHANGED = {
    "prep": ("data_root", "fraction", "contract"),
    "train": (),
    "tune": ("max_evals",),
    "distributed_train": ("workers", "epochs"),
    "register": (),
}
"""What a person may change of each run of the pipeline, besides the recipe."""


@dataclass(frozen=True)
class Place:
    """Where the steps run, and what with.

    Attributes:
        compute: The Databricks workspace.
        cluster: The cluster, as DatabricksStep takes it.
        libraries: The pins that a cluster installs.
        folder: The project's copy, which is uploaded.
    """

    compute: "DatabricksCompute"
    cluster: Mapping[str, Any]
    libraries: Sequence[str]
    folder: Path


def steps_of(recipe: "Recipe") -> list[str]:
    """The steps that a recipe needs, in order."""
    left_out = set()
    if not (recipe.search or recipe.grid_search):
        left_out.add("tune")
    if not any(model.family == "network" for model in recipe.models):
        left_out.add("distributed_train")
    return [step for step in LATEST if step not in left_out]


def build(
    workspace: "Workspace",
    place: Place,
    steps: Sequence[str],
    values: Mapping[str, str],
    reuse: bool = False,
) -> "Pipeline":
    """Builds and checks the pipeline; nothing of it is in the workspace then.

    The steps go one after the other, so that one cluster at a time takes from the quota.

    Args:
        workspace: The Azure ML workspace.
        place: Where its steps run.
        steps: Their names, in order.
        values: The defaults of the pipeline's parameters.
        reuse: Whether a step may take the result of an earlier run with the same values. Azure ML
            does not see whether the data is still the same.

    Raises:
        UserError: The service refuses it, or it does not validate.
    """
    from azureml.pipeline.core import Pipeline, PipelineParameter, StepSequence

    parameters = {name: PipelineParameter(name, value) for name, value in values.items()}
    made = [_step(place, name, parameters, reuse) for name in steps]
    with refusals("to build the pipeline"):
        pipeline = Pipeline(workspace, StepSequence(made), description="throughline")
        mistakes = pipeline.validate()
    if mistakes:
        raise UserError(f"Azure ML finds the pipeline wrong: {mistakes[0]}.")
    return pipeline


def run_pipeline(pipeline: "Pipeline", experiment: str, poll_seconds: float) -> str:
    """Uploads the steps, starts a run and waits for its end; see :meth:`WatchedRun.wait`.

    Args:
        pipeline: The pipeline.
        experiment: Where its runs are; it is made if it is not there.
        poll_seconds: The time between two looks.

    Returns:
        What there is to see, for people.

    Raises:
        UserError: The service refuses it, or the run does not end well.
    """
    with refusals("to run the pipeline"):
        watched = WatchedRun(pipeline.submit(experiment), poll_seconds)
    steps = watched.wait()
    lines = [f"{step:<{max(map(len, steps))}}  run {number}" for step, number in steps.items()]
    return "\n".join([*lines, f"pipeline: {watched.url}"])


def _step(
    place: Place, name: str, parameters: Mapping[str, "PipelineParameter"], reuse: bool
) -> "DatabricksStep":
    from azureml.core.databricks import PyPiLibrary
    from azureml.pipeline.steps import DatabricksStep

    fixed = {"step": name, **LATEST[name]}
    # the SDK writes the name of a pipeline's parameter before its value by itself
    changed = [parameters[one] for one in (*_CHANGED[name], *_RECIPE)]
    return DatabricksStep(
        name=name,
        run_name=f"throughline {name}",
        compute_target=place.compute,
        source_directory=str(place.folder),
        python_script_name=TASK,
        python_script_params=[
            *(word for key, value in fixed.items() for word in (f"--{key}", value)),
            *changed,
        ],
        pypi_libraries=[PyPiLibrary(pin) for pin in place.libraries],
        allow_reuse=reuse,
        **place.cluster,
    )
