"""This project's code: where it is, as a zip for workers, hidden from models that are loaded."""

import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE = "throughline"


def project_root() -> Path:
    """The folder that holds this package."""
    return Path(__file__).resolve().parents[1]


def write_zip(target: Path) -> None:
    """Writes this package as a zip that Python can import from.

    On Databricks its files are as old as 1970, which is more than a zip can tell.
    """
    root = project_root()
    files = [file for file in (root / PACKAGE).rglob("*") if file.is_file()]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for file in sorted(file for file in files if "__pycache__" not in file.parts):
            archive.write(file, file.relative_to(root))


@contextmanager
def hidden_checkout() -> Iterator[None]:
    """Hides the package while a model is loaded and called.

    A model brings the code it was trained with, but Python would keep using the modules that are
    already imported, or those of a model that was loaded before: other versions of them. All
    imports of this package must be done before; the old modules come back at the end.
    """
    modules = _take_modules()
    path = list(sys.path)
    sys.path[:] = [entry for entry in path if not _holds_the_package(entry)]
    try:
        yield
    finally:
        _take_modules()
        sys.modules.update(modules)
        sys.path[:] = path


def _take_modules() -> dict:
    names = [n for n in sys.modules if n == PACKAGE or n.startswith(f"{PACKAGE}.")]
    return {name: sys.modules.pop(name) for name in names}


def _holds_the_package(entry: str) -> bool:
    """Whether imports from here would find a checkout, or the code of a model loaded before."""
    folder = Path(entry or ".").resolve()
    return "site-packages" not in folder.parts and (folder / PACKAGE).is_dir()
