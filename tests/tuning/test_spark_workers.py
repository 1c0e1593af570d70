"""Python workers that make several trials."""

import os

import pytest

from throughline.tuning.spark_workers import LastingWorkers


@pytest.mark.slow
def test_a_worker_makes_one_trial_after_the_other(spark):
    from hyperopt import SparkTrials, fmin, hp, rand

    def pids(session):
        trials = SparkTrials(1, spark_session=session)
        space = {"x": hp.uniform("x", 0, 1)}

        def told(drawn):
            return {"status": "ok", "loss": drawn["x"], "pid": os.getpid()}

        fmin(told, space, rand.suggest, max_evals=4, trials=trials, show_progressbar=False)
        return {result["pid"] for result in trials.results}

    assert len(pids(LastingWorkers(spark))) <= 2  # one may come back after the next task began
    assert len(pids(spark)) == 4  # what it is for; where this fails, it is not needed any more
