"""Optuna's search over the same spaces, with pruning; resumable in a storage of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.recipe.search import Search
from throughline.tuning.optuna_space import drawn_by
from throughline.tuning.trial import Objective, Pruned, Record, Trial

if TYPE_CHECKING:
    import optuna

TOLD = "told"
_WARM_UP = 30
"""Rounds before the median ends a trial: one that learns slowly starts behind."""


def search_with_optuna(
    wanted: Search,
    objective: Objective,
    earlier: int,
    record: Record,
    storage: Path,
    name: str,
    parallelism: int = 1,
) -> None:
    """Makes trials until the search has as many as it wants, those of before included.

    Args:
        wanted: The recipe's search.
        objective: What a trial does.
        earlier: How many trials there were before.
        record: Takes each trial that has ended, and says whether to stop.
        storage: The file of the study, made if it is not there.
        name: The study's; a study of this name that was ended early goes on.
        parallelism: How many trials run at a time, each in a thread; of several, the seed does not
            settle what is drawn.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage.parent.mkdir(parents=True, exist_ok=True)
    backend = JournalFileBackend(str(storage))
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name=name,
        load_if_exists=True,
        pruner=_pruner(wanted),
    )
    lost = max(0, earlier - len(study.trials))  # where the file is gone
    # or a study that goes on would draw the same again
    seed = wanted.seed + len(study.trials) + lost
    study.sampler = _sampler(wanted, seed, parallelism)
    for one in study.trials:
        if not one.state.is_finished():  # the process that made it was killed
            study.tell(one.number, state=optuna.trial.TrialState.FAIL)
    left = wanted.max_evals - earlier

    def run(trial: "optuna.Trial") -> float:
        watch = None if wanted.pruner == "none" else _watch(trial)
        told = objective(drawn_by(trial, wanted.drawn), watch)
        trial.set_user_attr(TOLD, told)
        if told["status"] == "KILLED":
            raise optuna.TrialPruned(told["error"])
        if told["status"] == "FAILED":
            raise _Failed(told["error"])
        return objective.loss(told["value"])

    def after(study: "optuna.Study", trial: "optuna.trial.FrozenTrial") -> None:
        if record(_trial(trial, lost)):
            study.stop()

    if left > 0:
        study.optimize(
            run,
            n_trials=left,
            timeout=wanted.timeout,
            n_jobs=parallelism,
            catch=(_Failed,),
            callbacks=[after],
        )


class _Failed(Exception):
    """A trial that failed, which a study survives."""


def _watch(trial: "optuna.Trial") -> Any:
    def watch(step: int, loss: float) -> None:
        trial.report(loss, step)
        if trial.should_prune():
            raise Pruned(step)

    return watch


def _sampler(wanted: Search, seed: int, parallelism: int) -> Any:
    from optuna.samplers import RandomSampler, TPESampler

    if wanted.algo == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, constant_liar=parallelism > 1)


def _pruner(wanted: Search) -> Any:
    from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner

    if wanted.pruner == "median":
        return MedianPruner(n_warmup_steps=_WARM_UP)
    return HyperbandPruner() if wanted.pruner == "hyperband" else NopPruner()


def _trial(frozen: "optuna.trial.FrozenTrial", lost: int) -> Trial:
    return Trial(lost + frozen.number, dict(frozen.params), **frozen.user_attrs.get(TOLD, {}))
