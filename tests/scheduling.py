"""Which tests run, in which order, and which of them in one process."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

LONGEST = (
    "tests/faults/test_killed.py",
    "tests/steps",
    "tests/faults/test_tracking_server.py",
    "tests/faults/test_two_chains.py",
    "tests/faults/",
)
"""What is begun first, by how its names begin.

A process takes its second scope with its first: after the longest comes what is short.
"""
ONE_CHAIN = "tests/steps"
SECONDS_OF_FAULTS = 600
"""What a test of faults may take for each moment."""
FAULTS = "faults"
"""The property of a test's report with how many faults it let strike."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """What is left out unless one asks for it."""
    group = parser.getgroup("throughline")
    group.addoption("--long", action="store_true", help="also the tests marked as long")
    group.addoption(
        "--fault-moments",
        default=3,
        type=int,
        help="at how many random moments each fault strikes; 0 for none",
    )
    group.addoption("--fault-seed", default=None, type=int, help="what the moments are drawn by")


def _scope(nodeid: str) -> str:
    """The tests that share what is slow to make: a file's; the steps' tests share a chain."""
    file = nodeid.partition("::")[0]
    return ONE_CHAIN if str(Path(file).parent) == ONE_CHAIN else file


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips what is long, and puts first what is slow: no process then waits for one at the end."""
    if not config.getoption("long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes minutes; add --long"))
    limit = pytest.mark.timeout(SECONDS_OF_FAULTS * max(1, config.getoption("fault_moments")))
    for item in items:
        if item.path.is_relative_to(config.rootpath / "tests/faults"):
            item.add_marker(limit)
    slow = Counter(_scope(item.nodeid) for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: _place(_scope(item.nodeid), slow))


def _place(scope: str, slow: Counter[str]) -> tuple[int, int]:
    places = [number for number, start in enumerate(LONGEST) if scope.startswith(start)]
    return min(places, default=len(LONGEST)), -slow[scope]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts the faults that chains survived, and those that struck."""
    counted = {}
    for outcome in ("passed", "failed"):
        reports = terminalreporter.stats.get(outcome, [])
        told = [dict(report.user_properties).get(FAULTS, 0) for report in reports]
        counted[outcome] = sum(int(count) for count in told)
    if struck := sum(counted.values()):
        terminalreporter.write_line(f"faults survived: {counted['passed']} of {struck}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keeps a scope's tests in one process, where processes share the tests."""
    from xdist.scheduler import LoadScopeScheduling

    class ByScope(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _scope(nodeid)

    config.option.loadscopereorder = False
    return ByScope(config, log)
