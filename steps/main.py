"""Runs the whole chain: prep, train, tune, distributed_train, register, deploy."""

import os
import sys
from collections.abc import Sequence
from functools import partial

sys.path.insert(0, os.getcwd())

from throughline.chain.backend import BackendOptions, open_backend
from throughline.databricks.mount_option import NO_MOUNT, mounted
from throughline.recipe.file import load_recipe
from throughline.step import Parser, fraction, number_or_recipe, run_step

PREPARING = ("data_root", "fraction", "contract", "mount")
"""The parameters that are handed to prep alone."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, runs the steps, prints what they did."""
    parser = Parser(description=__doc__)
    parser.add_argument("--recipe", default="recipes/flights.yaml", help="the recipe's file")
    parser.add_argument("--set", default="none", help="recipe values, as in split.seed=3,...")
    parser.add_argument("--data_root", default="data", help="where tables are written")
    parser.add_argument("--fraction", type=fraction, default=1.0, help="share of the rows to take")
    parser.add_argument("--contract", default="none", help="a prep whose contract is to be kept")
    parser.add_argument(
        "--mount", default=NO_MOUNT, help="storage for a folder, as in /mnt/raw=wasbs://..."
    )
    parser.add_argument("--workers", default="2", help="workers of the network's training, or auto")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of the network's training")
    parser.add_argument(
        "--max_evals", type=number_or_recipe, default=None, help="trials, or 'recipe' for its own"
    )
    parser.add_argument("--port", type=int, default=5055, help="the endpoint's port")
    parser.add_argument("--force", default="none", help="steps to run again, by comma, or all")
    BackendOptions.add_to(parser)
    options = parser.parse_args(arguments)
    recipe = load_recipe(options.recipe, options.set)
    there = mounted(recipe, options.mount)

    from throughline.caching.comparing import compared
    from throughline.caching.reconciling import deployed, registered
    from throughline.chain.chain import Chain, steps_named
    from throughline.deployment.targets import check_endpoint
    from throughline.distributed.places import check_workers
    from throughline.registry.roles import CHAMPION, champion_of
    from throughline.tracking import step_run

    check_workers(options.workers)
    where = BackendOptions(
        options.backend, options.backend_config, options.env_manager, options.data_root
    )
    chain = Chain(open_backend(where, there), steps_named(options.force))
    target = chain.backend.deploys_to()
    check_endpoint(target, options.data_root, options.port, recipe.name)
    with step_run("main"):
        said = {"recipe": options.recipe, "set": options.set}
        inputs = {name: getattr(options, name) for name in PREPARING}
        prepared = {**said, "prep_run": chain.run("prep", {**said, **inputs})}
        candidates = [chain.run("train", prepared)]
        if recipe.search or recipe.grid_search:
            tuning = {**prepared, "max_evals": options.max_evals or "recipe"}
            candidates.append(chain.run("tune", tuning))
        else:
            chain.skip("tune", "the recipe has no search")
        if any(model.family == "network" for model in recipe.models):
            sizes = {"workers": options.workers, "epochs": options.epochs}
            candidates.append(chain.run("distributed_train", {**prepared, **sizes}))
        else:
            chain.skip("distributed_train", "the recipe has no network")
        best = {**said, "candidates": ",".join(candidates)}
        found = compared(candidates, recipe.metric)
        same = partial(chain.same, "register", best)
        chain.reconcile("register", best, partial(registered, found, recipe, same))
        if champion_of(recipe.name):
            endpoint = {"model": recipe.name, "alias": CHAMPION, "data_root": options.data_root}
            endpoint["target"] = target
            look = partial(deployed, **endpoint, port=options.port)
            chain.reconcile("deploy", {**endpoint, "port": options.port}, look)
        else:
            chain.skip("deploy", "no candidate may be champion yet")
        print(f"\n{chain.table()}\n\n{chain.where_to_look()}")  # noqa: T201 (for people)


if __name__ == "__main__":
    run_step(main)
