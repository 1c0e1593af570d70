"""Runs the whole chain: prep, train, tune, distributed_train, register, deploy."""

import os
import sys

sys.path.insert(0, os.getcwd())

from throughline.recipe.file import load_recipe
from throughline.step import Parser, fraction, number_or_recipe, run_step


def main() -> None:
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
    parser.add_argument(
        "--env_manager", default="local", help="for the steps, as mlflow run has it"
    )
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe, arguments.set)

    from throughline.chain import Chain
    from throughline.evaluation.comparison import log_comparison
    from throughline.registry import champion_of
    from throughline.spark import java_home
    from throughline.tracking import candidates_of, step_run

    java_home()
    chain = Chain(arguments.env_manager)
    with step_run("main"):
        inputs = {
            "recipe": arguments.recipe,
            "set": arguments.set,
            "data_root": arguments.data_root,
            "fraction": arguments.fraction,
            "contract": arguments.contract,
        }
        prepared = {"prep_run": chain.run("prep", inputs)}
        candidates = [chain.run("train", prepared)]
        if recipe.search or recipe.grid_search:
            tuning = {**prepared, "max_evals": arguments.max_evals or "recipe"}
            candidates.append(chain.run("tune", tuning))
        else:
            chain.skip("tune", "the recipe has no search")
        if any(model.family == "network" for model in recipe.models):
            sizes = {"workers": arguments.workers, "epochs": arguments.epochs}
            candidates.append(chain.run("distributed_train", {**prepared, **sizes}))
        else:
            chain.skip("distributed_train", "the recipe has no network")
        together = ",".join(candidates)
        log_comparison(candidates_of(together), recipe.metric)
        chain.run("register", {"candidates": together})
        if champion_of(recipe.name):
            served = {"model": recipe.name, "port": arguments.port}
            chain.run("deploy", {**served, "data_root": arguments.data_root})
        else:
            chain.skip("deploy", "no candidate may be champion yet")
        print(f"\n{chain.table()}\n\n{chain.where_to_look()}")  # noqa: T201 (for people)


if __name__ == "__main__":
    run_step(main)
