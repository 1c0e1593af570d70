"""Making a step's key from what it is given, in whichever process."""

import hashlib
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from throughline.caching.code import code_of
from throughline.caching.key import Key, NotSeenError, Parts, typed_values
from throughline.checkout import project_root
from throughline.dbfs import on_databricks
from throughline.outputs import Output
from throughline.packaging.mlproject import Project, read_project
from throughline.recipe.file import load_recipe
from throughline.recipe.overrides import NONE
from throughline.recipe.parts import as_json, parts_of
from throughline.recipe.recipe import Recipe

LOCK = "requirements.lock"
_TOLD_OTHERWISE = frozenset({"recipe", "set", "contract", "prep_run", "candidates"})
"""Parameters that name what other parts of a key tell by its content."""


def key_of(step: str, given: Mapping[str, Any]) -> Key:
    """The key of a step.

    Args:
        step: ``prep``, ``train``, ``tune``, ``distributed_train`` or ``register``.
        given: Its parameters; those that are left out have MLproject's defaults.

    Raises:
        NotSeenError: If a table, or this project, cannot be looked at from here.
        UserError: If what the parameters name is not there.
    """
    try:
        return Key(step, _parts(step, given, project_root()))
    except OSError as error:
        raise NotSeenError(f"its key cannot be made here ({error})") from error


def _parts(step: str, given: Mapping[str, Any], root: Path) -> Parts:
    project = read_project(root)
    declared = project["entry_points"][step]["parameters"]
    values = typed_values(given, declared, _TOLD_OTHERWISE)
    if "data_root" in values:
        values["data_root"] = Output.below(values["data_root"]).uri
    if values.get("resume") == "none":
        values["resume"] = "auto"  # both give what the whole training gives
    said = typed_values(given, {name: declared[name] for name in _TOLD_OTHERWISE & set(declared)})
    parts: Parts = {"parameters": values}
    if step == "prep":
        from throughline.caching.data import fingerprint
        from throughline.databricks.mount_option import mounted

        recipe = load_recipe(said["recipe"], said["set"])
        there = mounted(recipe, values["mount"])
        parts["data"] = {table: fingerprint(table) for table in _tables(there)}
        parts["inputs"] = _earlier(said["contract"])
    elif step == "register":
        recipe, parts["inputs"] = _registering(said, values)
    else:
        from throughline.prepared import table_for_training

        table = table_for_training(said["prep_run"], said["recipe"], said["set"])
        recipe, parts["inputs"] = table.recipe, {"prep": table.key}
    parts["recipe"] = parts_of(recipe, step)
    parts["code"] = code_of(step, root)
    parts["environment"] = _environment(root, project)
    return parts


def _environment(root: Path, project: Project) -> dict[str, str]:
    """The packages, and the Python that they are for; a patch of Python changes no key.

    They are those of the lock; on Databricks those of the cluster's runtime, and what a job adds.
    """
    told = {"python": ".".join(platform.python_version_tuple()[:2])}
    if on_databricks():
        from throughline.packaging.databricks import KIND

        runtime = os.environ["DATABRICKS_RUNTIME_VERSION"]
        return {**told, "runtime": runtime, "libraries": as_json(project.get(KIND))}
    lock = (root / LOCK).read_bytes()
    return {**told, LOCK: hashlib.sha256(lock).hexdigest()[:16]}


def _tables(recipe: Recipe) -> list[str]:
    tables = [recipe.source.table, *(join.table for join in recipe.source.joins)]
    return list(dict.fromkeys(tables))


def _earlier(contract: str) -> dict[str, str]:
    """The contract that is to be kept, by its content: a later one may say the same."""
    if contract == NONE:
        return {}
    from throughline.prepared import contract_of

    text = contract_of(contract).to_json()
    return {"contract": hashlib.sha256(text.encode()).hexdigest()[:16]}


def _registering(
    said: Mapping[str, str], values: Mapping[str, str]
) -> tuple[Recipe, dict[str, str]]:
    """What the verdict depends on: the best candidate, and the champion it is compared with."""
    from throughline.prepared import under_recipe
    from throughline.registry.promotion import best_candidate
    from throughline.registry.roles import champion_of
    from throughline.tracking import candidates_of, prepared_of

    candidates = candidates_of(said["candidates"])
    table = under_recipe(prepared_of(candidates), said["recipe"], said["set"])
    best = best_candidate(candidates, table.recipe.metric)
    name = table.recipe.name if values["model"] == "recipe" else values["model"]
    champion = champion_of(name)
    present = f"version {champion.version} of {champion.run_id}" if champion else "none"
    return table.recipe, {"candidate": best.info.run_id, "champion": present, "prep": table.key}
