"""The digest of a version's files, by which what is loaded is known to be what was registered."""

import hashlib
import os
from pathlib import Path

from throughline.errors import UserError

DIGEST = "digest"
"""The tag of a version with the digest of its files."""
ALLOWED = "THROUGHLINE_ALLOW_PICKLES"
"""Names the models, by comma, that may be loaded whoever made them."""

_ADDED = "registered_model_meta"
"""What MLflow adds to a download."""


def digest_of(folder: str | Path) -> str:
    """The digest of the files below a folder: their names and their content."""
    whole = hashlib.sha256()
    for name, path in _files(folder).items():
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{name} {content}\n".encode())
    return whole.hexdigest()


def check_files(name: str, version: str, folder: str | Path, recorded: str | None) -> None:
    """Checks a version's files before they are loaded, which may run what is in them.

    Args:
        name: The registered model.
        version: Its version.
        folder: Where its files are.
        recorded: Their digest when it was registered; None of a version that another program
            registered.

    Raises:
        UserError: They are others now; or nobody knows them.
    """
    if recorded:
        if digest_of(folder) != recorded:
            raise UserError(
                f"The files of version {version} of {name} are not those that were registered; "
                "they are not loaded. Register the model again, or restore its files."
            )
        return
    check_trusted(f"Version {version} of {name}", name)


def check_trusted(what: str, name: str) -> None:
    """Checks that a model of which no digest is known is trusted by name.

    What it is made of is not asked: not only a pickle runs what its maker likes, but also the code
    that a model brings along, and many a file that does not look like either.

    Args:
        what: What the error calls it.
        name: The name of the registered model, or the URI of one that is not.

    Raises:
        UserError: It is not.
    """
    if name not in {name.strip() for name in os.environ.get(ALLOWED, "").split(",")}:
        raise UserError(
            f"{what} was not registered by this project (it has no digest), and can run anything "
            "when it is loaded; register its candidate with the step register or, if you trust it, "
            f"set {ALLOWED}={name}."
        )


def _files(folder: str | Path) -> dict[str, Path]:
    root = Path(folder)
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    kept = {n: p for n, p in found.items() if n != _ADDED and "__pycache__" not in p.parts}
    return dict(sorted(kept.items()))
