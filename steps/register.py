"""Registers the best candidate, and makes it the champion if the promotion rule lets it."""

import argparse
import os
import sys

sys.path.insert(0, os.getcwd())

from throughline.step import run_step


def main() -> None:
    """Parses the arguments, compares, registers, logs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", default="latest", help="runs, by comma, or 'latest'")
    parser.add_argument("--model", default="recipe", help="the registered model's name")
    arguments = parser.parse_args()

    import mlflow

    from throughline import registry
    from throughline.tracking import (
        CANDIDATE,
        FIGURE,
        MODEL,
        candidates_of,
        prepared_of,
        step_run,
    )

    with step_run("register"):
        candidates = candidates_of(arguments.candidates)
        table = prepared_of(candidates)
        recipe = table.recipe
        name = recipe.name if arguments.model == "recipe" else arguments.model
        best = registry.best_candidate(candidates, recipe.metric)
        title, uri = best.data.tags[CANDIDATE], best.data.tags[MODEL]
        rows = table.raw_rows("test")
        found = registry.metrics_on_test(uri, table, rows)
        champion = registry.champion_of(name)
        if champion and champion.run_id == best.info.run_id:
            verdict = registry.Verdict(True, "it is the champion already")
        else:
            present = champion and registry.metrics_on_test(
                f"models:/{name}/{champion.version}", table, rows
            )
            verdict = registry.judge(recipe.metric, recipe.promote, found, present or None)
        version = registry.register(name, best, uri, verdict, found)
        mlflow.log_metrics({f"test_{metric}": value for metric, value in found.items()})
        mlflow.set_tags({"model": name, "version": version.version, "reason": verdict.reason})
        role = "champion" if verdict.promoted else "challenger"
        mlflow.set_tag(FIGURE, f"{title} is {role}, version {version.version}: {verdict.reason}")


if __name__ == "__main__":
    run_step(main)
