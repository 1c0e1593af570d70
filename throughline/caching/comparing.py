"""The comparison of a chain's candidates, which an earlier chain may have made already."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.caching.cache import finished, record_of
from throughline.tracking import candidates_of, runs_with

if TYPE_CHECKING:
    from mlflow.entities import Run

COMPARED = "throughline.compared"
"""The runs that a chain's page compares, as a digest with the metric, as a tag of its run."""
PAGE = "throughline.comparison"
"""The chain's run that has the page."""


def compared(steps: Sequence[str], metric: str) -> "list[Run]":
    """Logs the comparison of the steps' candidates in the active run, and returns these.

    Where an earlier chain compared the same, its run is named instead.

    Args:
        steps: The runs of the steps.
        metric: The recipe's.
    """
    import mlflow

    candidates = _candidates(steps)
    told = ",".join([metric, *sorted(run.info.run_id for run in candidates)])
    same = hashlib.sha256(told.encode()).hexdigest()[:32]
    earlier = finished(f"tags.`{COMPARED}` = '{same}'", 1)
    if earlier:
        mlflow.set_tag(PAGE, earlier[0].info.run_id)
        return candidates
    from throughline.evaluation.comparison import log_comparison

    log_comparison(candidates, metric)
    mlflow.set_tag(COMPARED, same)
    return candidates


def _candidates(steps: Sequence[str]) -> "list[Run]":
    """The steps' candidates by their records, or those below the runs without one."""
    import mlflow

    client, ids, others = mlflow.MlflowClient(), [], []
    for step in steps:
        if record := record_of(client.get_run(step)):
            ids += record["results"]
        else:
            others.append(step)
    return [*runs_with(ids), *(candidates_of(",".join(others)) if others else [])]
