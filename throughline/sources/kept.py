"""Where this machine keeps tables that it made or fetched."""

import tempfile
from pathlib import Path


def kept_below(data_root: str | Path, kind: str) -> Path:
    """A folder for one kind of them: below the data root, or, where that is a URI, temporary."""
    if "://" in str(data_root):
        return Path(tempfile.gettempdir(), "throughline", kind)
    return Path(data_root, kind).absolute()
