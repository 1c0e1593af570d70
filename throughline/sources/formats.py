"""Which format a table's files have."""

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from throughline.dbfs import seen_by_python
from throughline.errors import UserError

Format = Literal["parquet", "csv", "json", "delta"]

_FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
}
_PACKED = {".gz", ".bz2"}
_LOG = "_delta_log"


def format_of(path: str) -> Format:
    """The format of a file, of a folder's or a glob's files, or of a Delta table.

    A name that ends in a format's suffix says it, whatever is below. On this machine, where a
    cluster's DBFS is the folder ``/dbfs``, the files are looked at; of a URI only the name
    and whether it is a Delta table.

    Raises:
        UserError: If there is nothing, the files are of several formats, or of none that is known.
    """
    seen = _seen(path)
    remote = "://" in seen
    found = [] if remote else sorted(glob.glob(seen))
    if not found and not remote:
        raise UserError(f"There is no table at {path}; give a path, relative to the project.")
    for place in (path, path.rstrip("/*")):
        if (kind := _suffix_format(place)) and not any(map(_is_delta_here, found)):
            return kind
    if _is_delta(seen):
        return "delta"
    kinds = {kind for name in _files(found) if (kind := _suffix_format(name))}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds:
        raise UserError(
            f"The table {path} has files of several formats ({', '.join(sorted(kinds))}); "
            "name those of one, as in folder/*.csv."
        )
    raise UserError(
        f"The table {path} must end in one of {', '.join(_FORMATS)}, or be a folder of such files "
        "or a Delta table."
    )


def _seen(path: str) -> str:
    """The path by which this process finds what Spark reads there; URIs as they are."""
    for scheme in ("file://", "file:"):
        if path.startswith(f"{scheme}/"):
            return path.removeprefix(scheme)
    return seen_by_python(path)


def _suffix_format(name: str) -> Format | None:
    path = Path(name)
    return _FORMATS.get(path.with_suffix("").suffix if path.suffix in _PACKED else path.suffix)


def _files(found: list[str]) -> Iterator[str]:
    """The files that Spark would read: what begins with a dot or an underscore is hidden."""
    for place in map(Path, found):
        for file in place.rglob("*") if place.is_dir() else [place]:
            inside = file.relative_to(place.parent).parts
            if not any(map(_is_hidden, inside)) and file.is_file():
                yield file.name


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or (part.startswith("_") and "=" not in part)  # _day=1 is a part


def _is_delta_here(place: str) -> bool:
    return Path(place, _LOG).is_dir()


def _is_delta(path: str) -> bool:
    from fsspec.core import url_to_fs

    try:
        files, root = url_to_fs(path)
    except (ImportError, ValueError):  # a file system that only Spark knows
        return False
    return bool(files.isdir(f"{root.rstrip('/')}/{_LOG}"))
