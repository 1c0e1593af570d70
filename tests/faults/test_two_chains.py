"""Two chains at once on one tracking server, on PostgreSQL, which serves artifacts as well."""

from collections.abc import Callable

import pytest

from tests.faults.chain import Chain, Reference
from tests.faults.server import TrackingServer


@pytest.mark.slow
def test_both_end_well(
    reference: Reference, make_chain: Callable[..., Chain], server: TrackingServer
) -> None:
    """Of one recipe and one registered model; each with data and an endpoint of its own."""
    chains = [make_chain(server.url) for _ in range(2)]
    launchers = [chain.start() for chain in chains]
    for chain, launcher in zip(chains, launchers, strict=True):
        assert launcher.wait(1200) == 0, chain.log.read_text()[-4000:]
    for chain in chains:
        chain.check_nothing_is_left()
    (one, other) = chains
    assert not one.client.search_runs(["0"], "attributes.status != 'FINISHED'")
    assert one.versions() in (["1"], ["1", "2"])
    assert one.figures() == reference.figures
    assert one.answer() == other.answer() == reference.answer
