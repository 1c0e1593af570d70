"""Runs the whole chain: prep, train, tune, distributed_train, register, deploy."""

import os
import sys
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

from throughline.chain.backend import BackendOptions, open_backend
from throughline.recipe.file import load_recipe
from throughline.step import Parser, fraction, number_or_recipe, run_step


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, runs the steps, prints what they did."""
    parser = Parser(description=__doc__)
    parser.add_argument("--recipe", default="recipes/flights.yaml", help="the recipe's file")
    parser.add_argument("--set", default="none", help="recipe values, as in split.seed=3,...")
    parser.add_argument("--data_root", default="data", help="where tables are written")
    parser.add_argument("--fraction", type=fraction, default=1.0, help="share of the rows to take")
    parser.add_argument("--contract", default="none", help="a prep whose contract is to be kept")
    parser.add_argument("--workers", default="2", help="workers of the network's training, or auto")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of the network's training")
    parser.add_argument(
        "--max_evals", type=number_or_recipe, default=None, help="trials, or 'recipe' for its own"
    )
    parser.add_argument("--port", type=int, default=5055, help="the endpoint's port")
    BackendOptions.add_to(parser)
    options = parser.parse_args(arguments)
    recipe = load_recipe(options.recipe, options.set)

    from throughline.chain.chain import Chain
    from throughline.evaluation.comparison import log_comparison
    from throughline.registry import champion_of
    from throughline.tracking import candidates_of, step_run

    where = BackendOptions(
        options.backend, options.backend_config, options.env_manager, options.data_root
    )
    chain = Chain(open_backend(where, recipe))
    with step_run("main"):
        inputs = {
            "recipe": options.recipe,
            "set": options.set,
            "data_root": options.data_root,
            "fraction": options.fraction,
            "contract": options.contract,
        }
        prepared = {"prep_run": chain.run("prep", inputs)}
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
        together = ",".join(candidates)
        log_comparison(candidates_of(together), recipe.metric)
        chain.run("register", {"candidates": together})
        if champion_of(recipe.name):
            served = {"model": recipe.name, "port": options.port, "data_root": options.data_root}
            chain.run("deploy", {**served, "target": chain.backend.deploys_to()})
        else:
            chain.skip("deploy", "no candidate may be champion yet")
        print(f"\n{chain.table()}\n\n{chain.where_to_look()}")  # noqa: T201 (for people)


if __name__ == "__main__":
    run_step(main)
