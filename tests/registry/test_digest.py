"""What is loaded is what was registered."""

import pytest

from throughline.errors import UserError
from throughline.registry.digest import check_files, digest_of


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "code" / "plan.json").write_text("{}")
    return tmp_path


def test_of_names_and_content(folder):
    before = digest_of(folder)
    assert digest_of(folder) == before
    (folder / "code" / "plan.json").write_text("[]")
    changed = digest_of(folder)
    (folder / "code" / "plan.json").rename(folder / "plan.json")
    assert len({before, changed, digest_of(folder)}) == 3


def test_what_a_download_or_an_import_adds_is_no_part(folder):
    before = digest_of(folder)
    (folder / "registered_model_meta").write_text("model_name: late\n")
    (folder / "code" / "__pycache__").mkdir()
    (folder / "code" / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert digest_of(folder) == before


def test_changed_files_are_not_loaded(folder):
    recorded = digest_of(folder)
    check_files("late", "1", folder, recorded)
    (folder / "code" / "plan.json").write_text('{"evil": true}')
    with pytest.raises(UserError, match="files of version 1 of late are not those that were"):
        check_files("late", "1", folder, recorded)


def test_what_nobody_knows_is_loaded_only_if_it_is_trusted_by_name(folder, monkeypatch):
    with pytest.raises(UserError, match="set THROUGHLINE_ALLOW_PICKLES=late"):
        check_files("late", "1", folder, None)
    monkeypatch.setenv("THROUGHLINE_ALLOW_PICKLES", "other, late")
    check_files("late", "1", folder, None)
    monkeypatch.delenv("THROUGHLINE_ALLOW_PICKLES")
    check_files("late", "1", folder, digest_of(folder))  # this project's own
