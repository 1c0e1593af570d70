"""Which parts of a recipe each step uses, so that a change of another part does not rerun it."""

import json
from typing import Any

from throughline.recipe.recipe import Recipe

LATER = ("models", "search", "grid_search", "metric", "promote", "threshold", "slices")
"""What the preparation does not use; what is not named here it uses, also what is new."""

_UNUSED = {
    "train": {"search", "grid_search", "promote"},
    "tune": {"models", "promote"},
    "distributed_train": {"search", "grid_search", "promote"},
    "register": {"models", "search", "grid_search", "slices"},
}
"""What of ``LATER`` a step does not use. The preparation's parts are in the key of its table."""


def parts_of(recipe: Recipe, step: str) -> dict[str, str]:
    """The parts of a recipe that a step uses itself, each as JSON.

    Args:
        recipe: The recipe.
        step: An entry point that reads a recipe.
    """
    said = recipe.model_dump(mode="json", by_alias=True)
    used = set(said) - set(LATER) if step == "prep" else set(LATER) - _UNUSED[step]
    parts = {name: said[name] for name in sorted(used)}
    if "models" in parts:
        here = step == "distributed_train"
        parts["models"] = [m for m in said["models"] if (m["family"] == "network") is here]
    return {name: as_json(value) for name, value in parts.items()}


def prepared_otherwise(one: Recipe, other: Recipe) -> list[str]:
    """The parts in which the preparations of two recipes differ."""
    first, second = parts_of(one, "prep"), parts_of(other, "prep")
    return [name for name in first if first[name] != second[name]]


def as_json(value: Any) -> str:
    """A value as JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True)
