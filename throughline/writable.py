"""Whether a folder of this machine may be written, asked before any work."""

import os
from pathlib import Path

from throughline.errors import UserError


def check_folder(folder: Path) -> None:
    """Checks that a folder may be written, or made; nothing is made.

    Raises:
        UserError: A file is in its way, or this user may not write there.
    """
    there = next(place for place in (folder, *folder.parents) if os.path.exists(place))
    if not there.is_dir():
        raise UserError(
            f"The folder {folder} cannot be made, since {there} is a file; give another data_root "
            "or output."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(
            f"The folder {there} cannot be written by this user; give it the right, or give "
            "another data_root or output."
        )
