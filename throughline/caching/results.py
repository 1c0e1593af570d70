"""The results of a step, listed when it ended, and whether they are still whole."""

from typing import TYPE_CHECKING

from throughline.capabilities import tagged
from throughline.not_found import is_not_found
from throughline.outputs import Output
from throughline.tracking import CANDIDATE, MODEL, PARENT, PREPARED, REFITTED, STEP, runs_with

if TYPE_CHECKING:
    from mlflow.entities import Run

Files = dict[str, dict[str, int]]
"""The sizes of files, in bytes, by their names below an address."""
REPORT = "report"
"""The folder of prep's report among its run's artifacts."""


def results_of(run: "Run") -> dict[str, Files]:
    """Files of a training's candidates, by the candidate's run; of prep, those of its report.

    Of candidates they are what later steps read: the models, and the curves that the comparison
    draws. What else prep made is in its table, which lists its files itself.
    """
    if run.data.tags.get(STEP) == "prep":
        report = f"{run.info.artifact_uri}/{REPORT}"
        return {run.info.run_id: {report: _sizes(report)}}
    import mlflow

    below = mlflow.MlflowClient().search_runs(
        [run.info.experiment_id],
        f"tags.`{PARENT}` = '{run.info.run_id}' AND {tagged(CANDIDATE)}",
        order_by=["attributes.start_time ASC"],
    )
    own = [run] if CANDIDATE in run.data.tags else []
    return {
        one.info.run_id: {address: _sizes(address) for address in _addresses(one)}
        for one in [*own, *below]
    }


def damage(run: "Run", results: dict[str, Files]) -> str:
    """What is missing of a step's results, or has another size; empty if nothing.

    Args:
        run: The step's run.
        results: What :func:`results_of` gave when it ended.
    """
    prepared = run.data.tags[PREPARED] if run.data.tags.get(STEP) == "prep" else ""
    if prepared and (damaged := Output(prepared).damage()):
        return damaged
    if gone := set(results) - {one.info.run_id for one in runs_with(list(results))}:
        return f"the candidate's run {min(gone)} was deleted"
    for files in results.values():
        for address, sizes in files.items():
            now = _sizes(address)
            for name, size in sizes.items():
                if now.get(name) != size:
                    how = "was changed" if name in now else "is missing"
                    return f"{address}/{name} {how}"
    return ""


def _addresses(candidate: "Run") -> list[str]:
    from throughline.evaluation.writing import TABLES

    tags = candidate.data.tags
    models = [tags[name] for name in (MODEL, REFITTED) if name in tags]
    return [*models, f"{candidate.info.artifact_uri}/{TABLES}"]


def _sizes(address: str) -> dict[str, int]:
    """The files below an address and their sizes; none where there is nothing (any more).

    Azure ML tells no sizes (-1). Its list of a folder has what else begins with the same letters,
    and its list without one has all of the run: so folders of a run are asked for by their names.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    root, _, top = ("", "", "") if address.startswith("models:/") else address.rpartition("/")
    try:
        repository = get_artifact_repository(root or address)
        found, folders = {}, [top]
        while folders:
            folder = folders.pop()
            for info in repository.list_artifacts(folder or None):
                if folder and not info.path.startswith(f"{folder}/"):
                    continue
                if info.is_dir:
                    folders.append(info.path)
                else:
                    name = info.path.removeprefix(f"{top}/")
                    found[name] = int(info.file_size or 0)
    except (MlflowException, OSError) as error:
        if not is_not_found(error):
            raise
        return {}
    return found
