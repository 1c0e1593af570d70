"""The fingerprint of a table: what changes when its rows may have."""

import hashlib
import re
from typing import Any

from throughline.caching.key import NotSeenError
from throughline.dbfs import seen_by_python
from throughline.outputs import stamp_of
from throughline.sources.samples import PREFIX, sample_version

_LOG = "_delta_log"
_COMMIT = re.compile(r"(\d{20})\.json")
_END = 64 * 1024
"""So many bytes of a file's beginning and end are read, where no entity tag tells its content."""
_PARQUET = b"PAR1"


def fingerprint(reference: str) -> str:
    """The fingerprint of a table by its name in a recipe.

    Of a sample, the package's version. Of a Delta table, its version and a digest of that commit.
    Of files, of each its path in the table, its size and the time it was changed, with a digest of
    a Parquet file's footer, or of the first and last 64 KiB of another file; where an object store
    has an entity tag, that in place of time and digest.

    Raises:
        NotSeenError: If the table cannot be looked at from here.
        UserError: If there is no such sample.
    """
    if reference.startswith(PREFIX):
        return sample_version(reference)
    try:
        return _of_files(seen_by_python(reference))
    except NotSeenError:
        raise
    except Exception as error:  # every file system has its own
        kind = type(error).__name__
        raise NotSeenError(f"the table {reference} cannot be seen from here ({kind})") from error


def _of_files(reference: str) -> str:
    from fsspec.core import url_to_fs

    files, root = url_to_fs(reference)
    files.invalidate_cache()
    if files.isdir(log := f"{root.rstrip('/')}/{_LOG}"):
        return _delta_version(files, log)
    found = _data_files(files, root)
    if not found:
        raise NotSeenError(f"there is no table at {reference}")
    start = root.partition("*")[0].rpartition("/")[0]
    told = [
        [path.removeprefix(start), facts["size"], stamp_of(facts), _content(files, path, facts)]
        for path, facts in sorted(found.items())
    ]
    digest = hashlib.sha256(repr(told).encode()).hexdigest()[:16]
    return f"{len(told)} files, {sum(size for _, size, _, _ in told)} bytes, {digest}"


def _delta_version(files: Any, log: str) -> str:
    commits = [path for path in files.ls(log, detail=False) if _COMMIT.search(path)]
    newest = max(commits)
    digest = hashlib.sha256(files.cat_file(newest)).hexdigest()[:16]
    return f"version {int(_COMMIT.findall(newest)[-1])}, {digest}"


def _data_files(files: Any, root: str) -> dict[str, dict[str, Any]]:
    """The files that Spark would read: what begins with a dot or an underscore is hidden."""
    places = files.glob(root, detail=True) if "*" in root else {root: files.info(root)}
    found = {}
    for place, facts in places.items():
        below = files.find(place, detail=True) if facts["type"] == "directory" else {place: facts}
        for path, one in below.items():
            if not any(map(_is_hidden, path.removeprefix(place).split("/"))):
                found[path] = one
    return found


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or (part.startswith("_") and "=" not in part)


def _content(files: Any, path: str, facts: dict[str, Any]) -> str:
    if facts.get("ETag") or facts.get("etag"):
        return ""
    with files.open(path, "rb") as file:
        size = int(facts["size"])
        file.seek(max(0, size - _END))
        end = file.read()
        if end.endswith(_PARQUET):
            length = 8 + int.from_bytes(end[-8:-4], "little")
            file.seek(max(0, size - length))
            return hashlib.sha256(file.read()).hexdigest()
        file.seek(0)
        return hashlib.sha256(file.read(_END) + end).hexdigest()
