"""What a candidate was made of, for the tags of its version in the registry."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from throughline.caching.cache import record_of
from throughline.prepared import PreparedTable
from throughline.recipe.parts import as_json
from throughline.tracking import PARENT, STEP, find_run, preparations

if TYPE_CHECKING:
    from mlflow.entities import Run

_COMMIT = "mlflow.source.git.commit"


def lineage_of(candidate: "Run", table: PreparedTable) -> dict[str, str]:
    """A candidate's recipe, data, code, environment and runs, by names of tags.

    What is long is a digest: equal digests are equal things. What its steps left no record of is
    missing.

    Args:
        candidate: The candidate's run.
        table: The table that it was trained on.
    """
    step = _step_of(candidate)
    record = record_of(step) or {}
    parts = record.get("parts", {})
    told = {
        "recipe": f"{table.recipe.name} {_digest(table.recipe.model_dump(mode='json'))}",
        "table": table.key,
        "code": _digest(parts.get("code")),
        "environment": _digest(parts.get("environment")),
        "git_commit": candidate.data.tags.get(_COMMIT, step.data.tags.get(_COMMIT, "")),
        f"{step.data.tags.get(STEP, 'step')}_run": step.info.run_id,
    }
    if prepared := preparations(table.key):
        data = (record_of(prepared[0]) or {}).get("parts", {}).get("data")
        told |= {"data": _digest(data), "prep_run": prepared[0].info.run_id}
    return {name: value for name, value in told.items() if value}


def _step_of(run: "Run") -> "Run":
    """The step's run that a candidate's is, or is below."""
    while STEP not in run.data.tags and PARENT in run.data.tags:
        run = find_run(run.data.tags[PARENT], "candidates")
    return run


def _digest(content: Mapping[str, object] | None) -> str:
    return hashlib.sha256(as_json(content).encode()).hexdigest()[:16] if content else ""
