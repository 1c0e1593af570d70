"""What pruning keeps: everything that something in use leads to, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from throughline.caching.unused import Known, used

OLD, NEW = 0, 10


def run(name: str, parent: str = "", step: str = "", started: int = OLD, *uses: str) -> Known:
    return Known(name, parent, step, started, False, frozenset(uses))


CHAIN = [
    run("main", "", "main"),
    run("prep", "main", "prep"),
    run("train", "main", "train"),
    run("first", "train", "", OLD, "prep"),
    run("second", "train", "", OLD, "prep"),
    run("tune", "main", "tune", OLD, "prep"),
    run("trial", "tune"),
]


def test_an_old_chain_that_nothing_uses_goes_as_a_whole() -> None:
    assert used(CHAIN, set(), since=5) == set()


def test_a_registered_candidate_keeps_its_training_and_its_table() -> None:
    kept = used(CHAIN, {"first"}, since=5)
    assert kept == {"first", "second", "train", "prep", "main"}


def test_a_recent_chain_keeps_what_it_took_from_before() -> None:
    recent = run("again", "", "main", NEW, "prep", "train")
    assert used([*CHAIN, recent], set(), 5) == {"again", "prep", "train", "first", "second", "main"}


def test_a_run_at_work_is_kept_with_what_it_uses() -> None:
    working = Known("late", "", "train", OLD, True, frozenset({"prep"}))
    assert used([*CHAIN, working], set(), 5) == {"late", "prep", "main"}


RUNS = st.lists(
    st.builds(
        Known,
        run_id=st.sampled_from("abcdefgh"),
        parent=st.sampled_from(["", *"abcdefgh"]),
        step=st.sampled_from(["", "train"]),
        started=st.integers(0, 9),
        running=st.booleans(),
        uses=st.frozensets(st.sampled_from("abcdefgh"), max_size=2),
    ),
    unique_by=lambda one: one.run_id,
)


@given(RUNS, st.sets(st.sampled_from("abcdefgh")), st.integers(0, 9))
def test_what_is_used_by_what_is_kept_whole_is_kept(
    runs: list[Known], roots: set[str], since: int
) -> None:
    kept, known = used(runs, roots, since), {one.run_id: one for one in runs}
    assert kept <= set(known)
    for one in runs:
        if one.run_id in roots or one.running or one.started >= since:
            assert {one.run_id, *(one.uses & set(known))} <= kept
        if one.run_id in kept and one.parent in known:
            assert one.parent in kept
