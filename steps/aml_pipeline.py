"""Runs the chain as a pipeline of Azure ML on Databricks; or publishes, schedules or removes it."""

import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, os.getcwd())

from throughline.azureml import pipeline_endpoint
from throughline.azureml.databricks_compute import DatabricksWorkspace, attached, detach
from throughline.azureml.pipeline import Place, build, run_pipeline, steps_of
from throughline.azureml.step_cluster import existing_cluster, new_cluster
from throughline.azureml.workspace import find_workspace, open_workspace
from throughline.checkout import project_root
from throughline.databricks.checks import check_data_root, check_parameters
from throughline.errors import UserError
from throughline.packaging.azureml import step_libraries, write_azureml
from throughline.recipe.file import load_recipe
from throughline.settings import POLL_SECONDS, number_in
from throughline.step import Parser, fraction, number_or_recipe, run_step

RECIPE = "recipes/flights.yaml"
ACTIONS = ("run", "publish", "schedule", "remove")
CHANGED = ("set", "data_root", "fraction", "contract", "workers", "epochs", "max_evals")
"""What is a parameter of the pipeline, besides the recipe."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Looks whether all is right, does what was asked, prints what was done."""
    options = _parse(arguments)
    if options.action == "schedule" and (options.recipe, options.set) != (RECIPE, "none"):
        raise UserError(
            "A schedule runs the recipe that was published; leave recipe and set out, or publish "
            "again with them."
        )
    recipe = load_recipe(options.recipe, options.set)
    poll_seconds = number_in(POLL_SECONDS, 5.0)
    when = pipeline_endpoint.recurrence(options.every, options.at)
    values = {name: str(getattr(options, name)) for name in CHANGED}
    given = {name: value for name, value in values.items() if value != options.defaults[name]}
    check_data_root(options.data_root)
    check_parameters("aml_pipeline", values)
    if options.existing_cluster:
        cluster = existing_cluster(options.existing_cluster)
    else:
        cluster = new_cluster(options.cluster)
    workspace, name = open_workspace(find_workspace({}, options.config)), options.endpoint
    if options.action == "remove":
        removed = pipeline_endpoint.remove(workspace, name)
        removed += [f"the compute {options.compute}"] * detach(workspace, options.compute)
        print(f"Removed {', '.join(removed)}." if removed else "There was nothing to remove.")
        return
    if options.action == "schedule":
        made = pipeline_endpoint.schedule(workspace, name, options.experiment, when, given)
        print(f"Azure ML runs {name} each {options.every}, by the schedule {made.id}.")
        return
    with tempfile.TemporaryDirectory(prefix="throughline-azureml-") as folder:
        sent = Path(folder)
        values["recipe"] = write_azureml(project_root(), sent, Path(options.recipe))
        databricks = DatabricksWorkspace(options.databricks_workspace, options.databricks_group)
        compute = attached(workspace, options.compute, databricks)
        place = Place(compute, cluster, step_libraries(project_root()), sent)
        pipeline = build(workspace, place, steps_of(recipe), values, options.reuse == "yes")
        if options.action == "publish":
            published = pipeline_endpoint.publish(workspace, pipeline, name)
            print(f"Version {published.default_version} of {name} is at {published.endpoint}")
        else:
            print(run_pipeline(pipeline, options.experiment, poll_seconds))


def _parse(arguments: Sequence[str] | None) -> Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("--action", choices=ACTIONS, default="run", help=", ".join(ACTIONS))
    parser.add_argument("--recipe", default=RECIPE, help="the recipe's file")
    parser.add_argument("--set", default="none", help="recipe values, as in split.seed=3,...")
    parser.add_argument("--data_root", default="dbfs:/throughline", help="where tables are written")
    parser.add_argument("--fraction", type=fraction, default=1.0, help="share of the rows to take")
    parser.add_argument("--contract", default="none", help="a prep whose contract is to be kept")
    parser.add_argument("--workers", default="auto", help="workers of the network's training")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of the network's training")
    parser.add_argument(
        "--max_evals", type=number_or_recipe, default=None, help="trials, or 'recipe' for its own"
    )
    parser.add_argument("--experiment", default="throughline", help="where the steps' runs are")
    parser.add_argument("--config", default="none", help="the workspace's config.json, if not here")
    parser.add_argument("--compute", default="databricks", help="the compute's name in Azure ML")
    parser.add_argument(
        "--databricks_workspace", default="none", help="the Databricks workspace to attach"
    )
    parser.add_argument("--databricks_group", default="none", help="its resource group, if another")
    parser.add_argument("--cluster", default="databricks/cluster-cpu.json", help="a cluster file")
    parser.add_argument("--existing_cluster", default="none", help="a cluster's id, instead")
    parser.add_argument(
        "--reuse", choices=("yes", "no"), default="no", help="take results of earlier runs"
    )
    parser.add_argument("--endpoint", default="throughline", help="the published pipeline's name")
    parser.add_argument("--every", default="day", help="how often a schedule runs it")
    parser.add_argument("--at", default="05:00", help="when a schedule runs it, UTC")
    options = parser.parse_args(arguments)
    options.max_evals = options.max_evals or "recipe"
    options.defaults = {name: str(parser.get_default(name) or "recipe") for name in CHANGED}
    for name in ("config", "databricks_workspace", "databricks_group", "existing_cluster"):
        setattr(options, name, "" if (given := getattr(options, name)) == "none" else given)
    return options


if __name__ == "__main__":
    run_step(main)
