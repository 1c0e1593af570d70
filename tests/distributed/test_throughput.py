from throughline.distributed.job import WorkerRecord
from throughline.distributed.throughput import slow_worker, worker_metrics


def workers(*seconds: float, rows: int = 1000) -> list[WorkerRecord]:
    return [WorkerRecord(rows=rows, wait_seconds=0.5, own_seconds=own) for own in seconds]


def test_the_worker_that_the_others_wait_for_is_named():
    said = slow_worker(workers(2.0, 2.1, 6.0, 1.9))
    assert said.startswith("worker 2 takes 3.0 times as long for its rows as the others")
    assert "6.0 s in this epoch, 0.5 s of it for data" in said


def test_equal_workers_short_epochs_and_one_worker_are_not_slow():
    assert slow_worker(workers(2.0, 2.5)) == ""
    assert slow_worker(workers(0.1, 0.9)) == ""
    assert slow_worker(workers(9.0)) == ""


def test_a_worker_with_more_rows_is_not_slower():
    mixed = [*workers(2.0), *workers(4.0, rows=2000)]
    assert slow_worker(mixed) == ""


def test_of_very_many_workers_only_the_extremes_are_logged():
    assert len(worker_metrics(workers(*[1.0] * 32))) == 3 + 64
    assert set(worker_metrics(workers(*[1.0] * 33))) == {
        "workers_slowest_rows_per_second",
        "workers_median_rows_per_second",
        "workers_longest_wait_seconds",
    }
