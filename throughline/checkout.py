"""Hiding this project's code from a model that is loaded, as it will be absent elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE = "throughline"


def project_root() -> Path:
    """The folder that holds this package."""
    return Path(__file__).resolve().parents[1]


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
