import os
import shutil

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from throughline.errors import UserError
from throughline.outputs import Output


@pytest.fixture(params=["local folder", "memory://bucket"])
def output(request, tmp_path):
    root = str(tmp_path / request.param) if "://" not in request.param else request.param
    made = Output.below(root, "prepared", "run 1")
    yield made
    made.clear()


def test_counts_only_once_its_manifest_is_there(output):
    output.write_text("plan.json", "é")
    with pytest.raises(UserError, match="There is no finished output at .*run 1"):
        Output.finished(output.uri)
    output.commit({"rows": {"train": 3}})
    finished = Output.finished(output.uri)
    assert finished.manifest() == {"rows": {"train": 3}}
    assert finished.read_text("plan.json") == "é"


class Flat(MemoryFileSystem):
    """A store without folders, as an object store is."""

    protocol = "flat"

    def makedirs(self, path, exist_ok=False):
        pass


fsspec.register_implementation("flat", Flat)


@pytest.mark.parametrize("root", ["local folder", "memory://bucket", "flat://bucket"])
def test_of_two_calls_that_claim_it_at_once_one_has_it(root, tmp_path, monkeypatch):
    output = Output.below(root if "://" in root else str(tmp_path / root), root[:4])
    monkeypatch.setattr(Output, "exists", lambda self: False)  # as both saw it
    with output.claimed():
        with pytest.raises(UserError, match="There is something at"), output.claimed():
            pass
        output.write_text("rows", "mine")
        output.commit({})
    assert output.damage() == "" and set(output._found()) == {"rows", "manifest.json"}


def test_a_claim_that_breaks_off_leaves_nothing(output):
    with pytest.raises(KeyError), output.claimed():
        output.write_text("rows", "mine")
        raise KeyError
    assert not output.exists()


def test_clearing_removes_everything_and_may_be_repeated(output):
    output.commit({})
    output.clear()
    output.clear()
    with pytest.raises(UserError):
        Output.finished(output.uri)
    output.write_text("plan.json", "new")
    assert output.read_text("plan.json") == "new"


def test_a_local_root_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = Output.below("data", "a", "b")
    assert output.uri == str(tmp_path / "data" / "a" / "b")
    assert output.url("train") == (tmp_path / "data/a/b/train").as_uri()


def test_a_uri_stays_what_it_is():
    output = Output.below("s3://bucket/data/", "a")
    assert output.uri == "s3://bucket/data/a"
    assert output.url("train") == output.path("train") == "s3://bucket/data/a/train"


def test_damage_is_told_by_the_file(output):
    output._files.makedirs(output.path("train"))
    output.write_text("train/part-0.parquet", "rows")
    assert "no finished output" in output.damage()
    output.commit({})
    assert output.damage() == ""
    output.write_text("later.txt", "what came later is nobody's loss")
    assert output.damage() == ""
    output.write_text("train/part-0.parquet", "more rows")
    assert output.damage().endswith("train/part-0.parquet was changed")
    output._files.rm(output.path("train"), recursive=True)
    assert output.damage().endswith("train/part-0.parquet is missing")
    assert output.size() > 0


def test_what_was_copied_back_is_whole_by_its_sizes(tmp_path):
    output, backup = Output(str(tmp_path / "made")), tmp_path / "backup"
    output.write_text("rows.txt", "rows")
    output.commit({})
    shutil.copytree(output.uri, backup)
    shutil.rmtree(output.uri)
    shutil.copytree(backup, output.uri, copy_function=shutil.copyfile)
    assert output.damage().endswith("rows.txt was changed")
    assert output.damage(copied=True) == ""
    output.write_text("rows.txt", "fewer")
    assert output.damage(copied=True).endswith("rows.txt was changed")


def test_a_manifest_from_before_files_were_listed_still_opens(output):
    output.write_text("manifest.json", '{"rows": {"train": 3}}')
    assert Output.finished(output.uri).manifest() == {"rows": {"train": 3}}
    assert "lists no files" in output.damage()


@pytest.mark.parametrize("kept", [0, 9])
def test_a_manifest_that_was_cut_off_is_damage(output, kept):
    output.commit({"rows": {"train": 3}})
    output.write_text("manifest.json", output.read_text("manifest.json")[:kept])
    assert output.damage() == f"the manifest of {output.uri} cannot be read"
    with pytest.raises(UserError, match="cannot be read; run the step that makes it again"):
        Output.finished(output.uri).manifest()


def test_a_manifest_is_on_the_disk_before_it_counts(tmp_path, monkeypatch):
    output, synced = Output.below(str(tmp_path), "a"), []
    monkeypatch.setattr("os.fsync", lambda file: synced.append(os.fstat(file).st_size))
    output.commit({"rows": {"train": 3}})
    assert synced == [(tmp_path / "a/manifest.json").stat().st_size]
