"""A disk that is full: in mid-write of data, of artifacts, of the tracking store."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.chain import Chain, Moment, Reference

PLACES = [
    ("data", ["prep"], 4_000),
    ("mlruns", ["train"], 8_000),
    ("mlflow.db", ["train", "register"], 0),
]
"""What lies on the small disk from then on, where it fills, and the bytes that stay free."""
EARLY = 0.5
"""The tables are written by then."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small disk needs the right to mount one (root): NOT TESTED HERE")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, left: int) -> Path:
    """Fills a disk but for so many bytes."""
    filler = disk / "filler"
    with contextlib.suppress(OSError):  # full already, if others write meanwhile
        filler.write_bytes(b"x" * (shutil.disk_usage(disk).free - left))
    return filler


def onto(disk: Path, what: Path) -> None:
    """Moves a file or a folder onto the disk; a link stays."""
    if what.is_symlink():
        return
    if what.exists():
        shutil.move(what, disk / what.name)
    else:
        (disk / what.name).mkdir()
    what.symlink_to(disk / what.name)


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_same_command_goes_on(
    reference: Reference,
    make_chain: Callable[..., Chain],
    moments: int,
    draw: Callable[..., Moment],
    small_disk: Path,
    strikes: Callable[[int], None],
) -> None:
    """Full for the tables, for the artifacts, for the store and the registry."""
    strikes(moments * len(PLACES))
    chain = make_chain()
    with contextlib.ExitStack() as before_the_disk_goes:
        before_the_disk_goes.callback(chain.stop)
        for what, steps, left in PLACES:
            onto(small_disk, chain.folder / what)
            for when in sorted(draw(*steps) for _ in range(moments)):
                fills(chain, when, reference, small_disk, left)
        chain.run()
        chain.check_it_is_whole(reference)


def fills(chain: Chain, when: Moment, reference: Reference, disk: Path, left: int) -> None:
    """Runs the chain until the disk is full, which it tells; then there is room again."""
    launcher = chain.start()
    assert chain.reaches(launcher, replace(when, share=when.share * EARLY), reference)
    filler = fill(disk, left)
    assert launcher.wait(600) != 0
    said = chain.log.read_text()
    assert "The disk is full; free some space and run the same command" in said, said[-4000:]
    chain.check_nothing_is_left()
    filler.unlink()
