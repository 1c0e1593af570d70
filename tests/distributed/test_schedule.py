import pytest

from throughline.distributed.schedule import learning_rate


def test_the_rate_rises_from_one_workers_to_all_workers():
    rates = [learning_rate(0.1, workers=4, step=step, warmup_steps=10) for step in range(30)]
    assert rates[0] == pytest.approx(0.1 * 1.3)
    assert rates == sorted(rates)
    assert rates[9:] == pytest.approx([0.4] * 21)


def test_one_worker_and_no_warm_up_have_one_rate():
    assert {learning_rate(0.1, 1, step, 10) for step in range(20)} == {0.1}
    assert learning_rate(0.1, 4, 0, 0) == pytest.approx(0.4)
