"""Processes of a chain that are killed or told to end, at random moments.

After each the same command goes on, and in the end the model is the one of a chain that nothing
struck.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace

import psutil
import pytest

from tests.faults.chain import STEPS, Chain, Moment, Reference

Launcher = subprocess.Popen
Strike = Callable[[Chain, "subprocess.Popen[bytes]", psutil.Process], None]


def main_of(chain: Chain, launcher: Launcher) -> psutil.Process:
    if (main := chain.process_of(launcher.pid, "main")) is None:
        raise psutil.NoSuchProcess(launcher.pid)
    return main


def kill_step(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    step.kill()


def kill_main(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    main_of(chain, launcher).kill()


def kill_launcher(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    launcher.kill()


def kill_spark(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    while not (java := [one for one in step.children() if one.name() == "java"]):
        if not step.is_running() or step.status() == psutil.STATUS_ZOMBIE:
            raise psutil.NoSuchProcess(step.pid)  # it had none any more
        time.sleep(0.05)
    java[0].kill()


def kill_server(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    while not (servers := chain.servers()):
        if launcher.poll() is not None:
            raise psutil.NoSuchProcess(step.pid)  # nothing was served
        time.sleep(0.05)
    servers[0].kill()


def interrupt(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    os.killpg(launcher.pid, signal.SIGINT)  # as a terminal does


def terminate(chain: Chain, launcher: Launcher, step: psutil.Process) -> None:
    main_of(chain, launcher).terminate()


STRIKES: dict[Strike, tuple[str, ...]] = {
    kill_step: STEPS,
    kill_main: STEPS,
    kill_launcher: STEPS,
    kill_spark: ("prep", "train"),
    kill_server: ("deploy",),
    interrupt: STEPS,
    terminate: STEPS,
}
"""What strikes, and in which steps."""


@pytest.mark.slow
def test_the_same_command_ends_what_was_struck(
    reference: Reference,
    make_chain: Callable[..., Chain],
    moments: int,
    draw: Callable[..., Moment],
    strikes: Callable[[int], None],
) -> None:
    """One chain takes all strikes, one after the other: what was done before one is kept."""
    drawn = [(draw(*steps), strike) for strike, steps in STRIKES.items() for _ in range(moments)]
    strikes(len(drawn))
    chain = make_chain()
    for when, strike in sorted(drawn, key=lambda one: one[0]):
        hit = False
        while not hit:
            hit, code = struck(chain, when, strike, reference)
            when = replace(when, share=when.share / 2)  # if it was too late
            chain.check_nothing_is_left()
            assert len(chain.versions()) <= 1
            if code == 0:  # it was too fast, or needed no other run but for its server
                if strike is kill_server:
                    chain.run()
                chain.check_it_is_whole(reference)
                chain = make_chain()
    chain.run()
    chain.check_it_is_whole(reference)


def struck(chain: Chain, when: Moment, strike: Strike, reference: Reference) -> tuple[bool, int]:
    """Runs the chain and strikes it at a moment; whether that hit something, and the exit code."""
    launcher, hit = chain.start(), False
    step = chain.reaches(launcher, when, reference)
    if step and launcher.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):  # the step was faster
            strike(chain, launcher, step)
            hit = True
    code = launcher.wait(600)
    print(f"{strike.__name__} at {when.share:.0%} of {when.step}: hit {hit}, exit code {code}")
    return hit, code
