"""Removing prepared data and runs that nothing uses any more."""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.caching.cache import REUSED
from throughline.caching.unused import Known, used
from throughline.deployment.state import StateFolder
from throughline.outputs import Output
from throughline.tracking import PARENT, PREPARED, STEP, TABLE

if TYPE_CHECKING:
    from mlflow.entities import Run

_DAY = 24 * 60 * 60 * 1000
_PAGE = 1000


@dataclass(frozen=True)
class Unused:
    """What nothing uses.

    Attributes:
        runs: The runs of the active experiment, each a step's with all below it.
        outputs: The prepared data of these runs and of deleted ones, and how many bytes each has.
    """

    runs: "list[Run]"
    outputs: dict[Output, int]


@dataclass(frozen=True)
class Pruning:
    """Finds and removes what no registered version, no deployment and no recent run uses.

    Attributes:
        data_root: Where prepared data and the local deployments' states are.
        keep_days: Runs that began in the last so many days are in use.
        now: In milliseconds since 1970.
    """

    data_root: str
    keep_days: float
    now: int

    def find(self) -> Unused:
        """Looks for what is not used.

        Runs of all experiments are asked what they use; only those of the active experiment that a
        step of this project made are found, and only data below the data root.
        """
        unused = self._unused()
        there = [run for run in unused.values() if _is_there(run)]
        return Unused(there, dict(_prepared(set(unused), self.data_root)))

    def remove(self, found: Unused) -> Unused:
        """Removes data, puts runs among MLflow's deleted ones, and tells what it removed.

        A chain may take a step's run again at any time, so it is looked again what is unused: right
        before the runs go, and before their data does, when no chain can find the runs any more. A
        run that was taken meanwhile is restored. What is left of the data after an interruption is
        found again, as that of deleted runs.
        """
        import mlflow

        unused = self._unused()
        runs = [run for run in found.runs if run.info.run_id in unused]
        for run in runs:
            mlflow.delete_run(run.info.run_id)
        unused = self._unused()
        for run in runs:
            if run.info.run_id not in unused:
                mlflow.MlflowClient().restore_run(run.info.run_id)
        outputs = {one: size for one, size in found.outputs.items() if _maker(one.uri) in unused}
        for output in outputs:
            output.clear()
        return Unused([run for run in runs if run.info.run_id in unused], outputs)

    def _unused(self) -> "dict[str, Run]":
        """The unused runs of the active experiment by their ids, deleted ones too."""
        import mlflow

        active = mlflow.active_run()
        here = active.info.experiment_id if active else "0"
        runs = list(_all_runs())
        makers = _makers(runs)
        known = [_known(run, makers) for run in runs]
        kept = used(known, _roots(self.data_root), round(self.now - self.keep_days * _DAY))
        unused = _ours(known) - kept
        return {
            run.info.run_id: run
            for run in runs
            if run.info.experiment_id == here and run.info.run_id in unused
        }


def _all_runs() -> "Iterator[Run]":
    """All runs, deleted ones too."""
    import mlflow
    from mlflow.entities import ViewType

    client = mlflow.MlflowClient()
    ids = [one.experiment_id for one in _pages(client.search_experiments)]
    return _pages(partial(client.search_runs, ids, run_view_type=ViewType.ALL, max_results=_PAGE))


def _is_there(run: "Run") -> bool:
    """Whether a run was not deleted."""
    return str(run.info.lifecycle_stage) == "active"


def _pages(search: Callable[..., Any]) -> Iterator[Any]:
    """What a search of MLflow finds, page after page."""
    token: str | None = None
    while True:
        page = search(page_token=token)
        yield from page
        if not (token := page.token):
            return


def _makers(runs: "list[Run]") -> dict[str, set[str]]:
    """The runs of prep by the address and the key of the table they made."""
    found: dict[str, set[str]] = {}
    for run in runs:
        tags = run.data.tags
        if tags.get(STEP) == "prep":
            for name in filter(None, (tags.get(PREPARED), tags.get(TABLE))):
                found.setdefault(name, set()).add(run.info.run_id)
    return found


def _known(run: "Run", makers: dict[str, set[str]]) -> Known:
    tags = run.data.tags
    uses = {value for name, value in tags.items() if name.startswith(REUSED)}
    for name in (PREPARED, TABLE):
        uses |= makers.get(tags.get(name, ""), set())
    if contract := run.data.params.get("contract"):  # a run of prep, or a word that is no run's id
        uses.add(contract)
    return Known(
        run.info.run_id,
        tags.get(PARENT, ""),
        tags.get(STEP, ""),
        run.info.start_time,
        _is_there(run) and run.info.status in ("RUNNING", "SCHEDULED"),
        frozenset(uses),
    )


def _roots(data_root: str) -> set[str]:
    """The runs of registered versions, and of what the local target serves."""
    import mlflow

    client, found = mlflow.MlflowClient(), set()
    for version in _pages(partial(client.search_model_versions, max_results=_PAGE)):
        found |= {version.run_id, version.tags.get("run")}
    if "://" not in data_root:
        states = StateFolder(Path(data_root) / "deployments").all()
        found |= {state.model.run_id for state in states}
    return {run_id for run_id in found if run_id}


def _ours(known: list[Known]) -> set[str]:
    """The runs of steps, and those below them."""
    by_id = {run.run_id: run for run in known}

    def is_ours(run: Known) -> bool:
        above = by_id.get(run.parent)
        return bool(run.step) or (above is not None and is_ours(above))

    return {run.run_id for run in known if is_ours(run)}


def _maker(address: str) -> str:
    """The run that wrote what is at an address: RUN, or RUN.training."""
    return Path(address).name.partition(".")[0]


def _prepared(unused: Set[str], data_root: str) -> Iterator[tuple[Output, int]]:
    """What unused preparations wrote below the data root, and trainings left beside it."""
    from fsspec.core import url_to_fs

    root = Output.below(data_root, "prepared").uri
    files, place = url_to_fs(root)
    for path in files.glob(f"{place}/*/*"):
        name = path.removeprefix(place).strip("/")
        if _maker(name) in unused:
            output = Output(f"{root}/{name}")
            yield output, output.size()
