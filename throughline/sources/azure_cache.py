"""Tables in Azure storage as local files, for a Spark without Hadoop's connector to it."""

import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from throughline.errors import UserError
from throughline.sources.azure_blobs import Blob, BlobContainer
from throughline.sources.azure_uri import AzureUri

logger = logging.getLogger(__name__)

_AT_A_TIME = 8
_SECONDS_BETWEEN_LINES = 10.0


def local_copy(reference: str, folder: Path) -> str:
    """Downloads what is new of a table and names it as local files.

    A blob is kept under its name and etag, so it is downloaded again only when it was changed. The
    returned path is in a folder of links to exactly the blobs that the table has now; such a folder
    appears when it is whole and is never changed, so a reader sees one state of the table.

    Args:
        reference: A ``wasbs://`` or ``abfss://`` URI of a blob, a folder or a glob.
        folder: Where the copies are kept.

    Returns:
        The path of the blob, the folder or the glob in the copy.

    Raises:
        UserError: There is no such blob, or it cannot be read.
    """
    place = AzureUri.parse(reference)
    container = BlobContainer(place)
    blobs = container.matching(place.path)
    if not blobs:
        raise UserError(
            f"There is no blob at {place}; check the path in the container {place.container}."
        )
    _check_names(blobs, place)
    kept = folder / place.account / place.container
    table = kept / "tables" / _digest(*(_identity(blob) for blob in blobs))
    if not table.is_dir():
        _download(container, blobs, kept / "blobs")
        _link(blobs, kept / "blobs", table)
    return str(table / place.path)


def _download(container: BlobContainer, blobs: Sequence[Blob], kept: Path) -> None:
    missing = [blob for blob in blobs if not _kept(kept, blob).exists()]
    if not missing:
        return
    kept.mkdir(parents=True, exist_ok=True)
    progress = _Progress(missing, len(blobs), str(container.place))
    pool = ThreadPoolExecutor(_AT_A_TIME)
    try:
        for done in [pool.submit(_fetch, container, blob, kept, progress) for blob in missing]:
            done.result()
    finally:
        progress.stopped.set()
        pool.shutdown(cancel_futures=True)


def _fetch(container: BlobContainer, blob: Blob, kept: Path, progress: "_Progress") -> None:
    target = _kept(kept, blob)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            for chunk in container.chunks(blob):
                file.write(chunk)
                progress.add(len(chunk))
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def _link(blobs: Sequence[Blob], kept: Path, table: Path) -> None:
    unfinished = table.with_name(f"{table.name}.{os.getpid()}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    for blob in blobs:
        link = unfinished / blob.name
        link.parent.mkdir(parents=True, exist_ok=True)
        os.link(_kept(kept, blob), link)
    try:
        os.rename(unfinished, table)
    except OSError:
        if not table.is_dir():  # else another process has just made the same
            raise
        shutil.rmtree(unfinished)


def _check_names(blobs: Sequence[Blob], place: AzureUri) -> None:
    for blob in blobs:
        if {"", ".", ".."} & set(blob.name.split("/")):
            raise UserError(
                f"The blob {blob.name!r} of {place} has a name that is no path here; rename it, or "
                "name the table by a narrower path."
            )


def _kept(kept: Path, blob: Blob) -> Path:
    return kept / _digest(_identity(blob))


def _identity(blob: Blob) -> str:
    return f"{blob.name}\0{blob.etag}\0{blob.size}"


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0\0".join(texts).encode()).hexdigest()[:32]


class _Progress:
    """Tells how far a download is; ends the threads' work when it was stopped."""

    def __init__(self, missing: Sequence[Blob], total: int, table: str) -> None:
        self.bytes, self.done = sum(blob.size for blob in missing), 0
        self.stopped = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._started = self._last = time.monotonic()
        logger.info(
            "downloading %d of the %d files of %s, %.1f MB",
            len(missing), total, table, self.bytes / 1e6,
        )  # fmt: skip

    def add(self, count: int) -> None:
        if self.stopped.is_set():
            raise InterruptedError("the download was stopped")
        with self._one_at_a_time:
            self.done += count
            now = time.monotonic()
            if now - self._last < _SECONDS_BETWEEN_LINES:
                return
            self._last = now
            left = (now - self._started) / self.done * (self.bytes - self.done)
        logger.info(
            "downloaded %.1f of %.1f MB, about %.0f s left",
            self.done / 1e6, self.bytes / 1e6, left,
        )  # fmt: skip
