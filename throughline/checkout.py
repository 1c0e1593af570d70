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
    already imported: another version of them, if the checkout changed since the training. All
    imports of this package must be done before; the old modules come back at the end.
    """
    modules = _take_modules()
    path = list(sys.path)
    root = project_root()
    if "site-packages" not in root.parts:
        sys.path[:] = [entry for entry in path if Path(entry or ".").resolve() != root]
    try:
        yield
    finally:
        _take_modules()
        sys.modules.update(modules)
        sys.path[:] = path


def _take_modules() -> dict:
    names = [n for n in sys.modules if n == PACKAGE or n.startswith(f"{PACKAGE}.")]
    return {name: sys.modules.pop(name) for name in names}
