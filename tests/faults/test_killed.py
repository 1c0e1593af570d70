"""Processes of a chain that are killed or told to end, at random moments.

After each the same command goes on, and in the end the model is the one of a chain that nothing
struck.
"""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest

from tests.faults.conftest import STEPS, Chain, wait_for

Launcher = subprocess.Popen
Strike = Callable[[Chain, "subprocess.Popen[bytes]", psutil.Process], None]


def kill_step(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    step.kill()


def kill_main(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    main = chain.process_of(launcher.pid, "main")
    assert main
    main.kill()


def kill_launcher(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    launcher.kill()


def kill_spark(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    java = [child for child in step.children(recursive=True) if child.name() == "java"]
    assert java, f"{step.cmdline()} has no JVM"
    java[-1].kill()


def interrupt(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    os.killpg(launcher.pid, signal.SIGINT)  # as a terminal does


def terminate(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    main = chain.process_of(launcher.pid, "main")
    assert main
    main.terminate()


STRIKES = [kill_step, kill_main, kill_launcher, kill_spark, interrupt, terminate]


def drawn(moment: random.Random) -> list[list[tuple[str, Strike]]]:
    """Every strike once, in two chains; in each at three of the four steps."""
    strikes = moment.sample(STRIKES, len(STRIKES))
    chains = []
    for part in (strikes[:3], strikes[3:]):
        part.sort(key=lambda one: one is not kill_spark)  # first: only prep and train have one
        steps = sorted(moment.sample(STEPS, len(part)), key=STEPS.index)
        chains.append(list(zip(steps, part, strict=True)))
    return chains


def struck(chain: Chain, step: str, seconds: float, strike: Strike) -> Launcher:
    """Runs the chain and strikes so many seconds after a step began; the launcher has ended."""
    launcher = chain.start()
    process = chain.reached(launcher, step)
    if strike is kill_spark:
        wait_for(lambda: [p for p in process.children() if p.name() == "java"], "its JVM")
    time.sleep(seconds)
    with contextlib.suppress(psutil.NoSuchProcess):  # the step may have been faster
        strike(chain, launcher, process)
    launcher.wait(180)
    print(f"{strike.__name__} {seconds:.1f} s after {step} began: exit code {launcher.returncode}")
    return launcher


@pytest.fixture(scope="module")
def draws(moments: int, moment: random.Random) -> list[list[list[tuple[str, Strike]]]]:
    """For each moment, the strikes of two chains."""
    return [drawn(moment) for _ in range(moments)]


@pytest.mark.slow
@pytest.mark.parametrize("half", [0, 1])
def test_the_same_command_ends_what_was_struck(
    reference: Chain,
    make_chain: Callable[..., Chain],
    draws: list[list[list[tuple[str, Strike]]]],
    moment: random.Random,
    strikes: Callable[[int], None],
    half: int,
) -> None:
    strikes(sum(len(draw[half]) for draw in draws))
    for draw in draws:
        chain = make_chain()
        for step, strike in draw[half]:
            launcher = struck(chain, step, moment.uniform(0, 0.9) * reference.seconds[step], strike)
            chain.check_nothing_is_left()
            assert len(chain.versions()) <= 1
            if launcher.returncode == 0:  # Spark had done its part: nothing is left to strike
                chain.check_it_is_whole(reference)
                chain = make_chain()
        chain.run()
        chain.check_it_is_whole(reference)
