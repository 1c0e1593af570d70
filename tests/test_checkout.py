"""A model uses the code it was saved with, not the checkout's."""

import os
import subprocess
import sys

from throughline import checkout
from throughline.checkout import hidden_checkout, write_zip


def test_the_models_own_package_is_found_first_and_only_for_a_while(tmp_path):
    import throughline
    import throughline.errors

    package = tmp_path / "throughline"
    package.mkdir()
    (package / "__init__.py").write_text("FROM_THE_MODEL = True\n")
    before = list(sys.path)
    with hidden_checkout():
        sys.path.insert(0, str(tmp_path))
        import throughline as models_own

        assert models_own.FROM_THE_MODEL
    assert sys.modules["throughline"] is throughline
    assert sys.modules["throughline.errors"] is throughline.errors
    assert sys.path == before


def test_without_its_own_code_a_model_does_not_find_ours(tmp_path):
    with hidden_checkout():
        try:
            import throughline  # noqa: F401
        except ModuleNotFoundError:
            return
    raise AssertionError("the checkout was found")


def test_the_code_of_a_model_that_was_loaded_before_is_not_found(tmp_path, monkeypatch):
    (tmp_path / "throughline").mkdir()
    (tmp_path / "throughline" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    with hidden_checkout():
        assert str(tmp_path) not in sys.path
    assert str(tmp_path) in sys.path


def test_a_package_whose_files_are_as_old_as_an_archive_makes_them_travels_as_a_zip(
    tmp_path, monkeypatch
):
    package = tmp_path / "root/throughline"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("HERE = True\n")
    os.utime(package / "__init__.py", (0, 0))
    monkeypatch.setattr(checkout, "project_root", lambda: tmp_path / "root")
    write_zip(tmp_path / "package.zip")
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'package.zip')!r})"
    program += "; import throughline; print(throughline.HERE)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
