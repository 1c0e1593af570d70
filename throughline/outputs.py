"""Outputs of steps: folders below the data root that count only once their manifest is there."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughline.dbfs import for_python, for_spark
from throughline.errors import UserError

MANIFEST = "manifest.json"
FILES = "files"
KEY = "key"
"""The entry of the manifest that names what the output was made of."""
_CLAIM = ".claim"
"""How the name of a file ends that says who makes the output."""
_STAMPS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created")


@dataclass(frozen=True)
class Output:
    """A folder of a step's results, named by a URI or a local path.

    The manifest is written last, since a rename is not atomic on object stores: a folder without
    one is an attempt that did not finish, and nobody reads it.
    """

    uri: str

    @classmethod
    def below(cls, data_root: str, *parts: str) -> "Output":
        """The output in the folder ``parts`` below the data root; a local root becomes absolute.

        Raises:
            UserError: If the root is on DBFS, and this is no cluster of Databricks.
        """
        root = data_root
        if "://" not in root:
            root = for_spark(str(Path(for_python(root)).resolve()))
        return cls("/".join([root.rstrip("/"), *parts]))

    @classmethod
    def finished(cls, uri: str) -> "Output":
        """Opens an output that is complete.

        Raises:
            UserError: If there is no such output, or it has no manifest.
        """
        output = cls(uri)
        if not output.is_finished():
            raise UserError(f"There is no finished output at {uri}; run the step that makes it.")
        return output

    @property
    def _files(self) -> Any:
        from fsspec.core import url_to_fs

        return url_to_fs(self.uri)[0]

    def is_finished(self) -> bool:
        """Whether the output is complete."""
        return bool(self._files.exists(self.path(MANIFEST)))

    def exists(self) -> bool:
        """Whether there is anything at all, finished or not."""
        return bool(self._files.exists(self.uri))

    def path(self, name: str) -> str:
        """The path or URI of something in the folder."""
        return f"{self.uri}/{name}"

    def url(self, name: str) -> str:
        """The same as a URI, for readers that want one (Petastorm)."""
        path = self.path(name)
        return path if "://" in path else Path(path).as_uri()

    def read_text(self, name: str) -> str:
        """Reads a small file."""
        with self._files.open(self.path(name), "r", encoding="utf-8") as file:
            return str(file.read())

    def write_text(self, name: str, text: str) -> None:
        """Writes a small file; on a local disk it is there for good."""
        self._files.makedirs(self.uri, exist_ok=True)
        with self._files.open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
            if "://" not in self.uri:
                file.flush()
                os.fsync(file.fileno())

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Takes the folder for this call alone; what is in it goes if the block fails.

        Raises:
            UserError: If there is something already, or another call has just taken it.
        """
        taken = UserError(f"There is something at {self.uri} already; give another output.")
        if self.exists():
            raise taken
        try:
            self._files.makedirs(self.uri)  # of two calls at once, a disk refuses the later one
        except FileExistsError:
            raise taken from None
        claim = f"{uuid.uuid4().hex}{_CLAIM}"
        self.write_text(claim, "")
        if set(self._found()) != {claim}:  # a store has no folders, and refuses none
            self._files.rm(self.path(claim))
            raise taken
        try:
            yield
        except BaseException:
            self.clear()
            raise
        self._files.rm(self.path(claim))

    def clear(self) -> None:
        """Removes what an unfinished attempt left; the manifest first, should there be one."""
        if self._files.exists(self.path(MANIFEST)):
            self._files.rm(self.path(MANIFEST))
        if self._files.exists(self.uri):
            self._files.rm(self.uri, recursive=True)

    def commit(self, manifest: dict[str, Any]) -> None:
        """Makes the output count: writes its manifest, which lists the files as well."""
        told = {**manifest, FILES: self._listing()}
        self.write_text(f"{MANIFEST}.new", json.dumps(told, indent=1, default=str) + "\n")
        self._files.mv(self.path(f"{MANIFEST}.new"), self.path(MANIFEST))  # whole or not at all

    def manifest(self) -> dict[str, Any]:
        """What :meth:`commit` was given.

        Raises:
            UserError: If it cannot be read, as after a loss of power.
        """
        try:
            told = self._told()
        except ValueError:
            raise UserError(
                f"The manifest of {self.uri} cannot be read; run the step that makes it again."
            ) from None
        told.pop(FILES, None)
        return told

    def damage(self, *, copied: bool = False) -> str:
        """What is missing or was changed since :meth:`commit`, for people; empty if nothing is.

        A file is known by its size and by its entity tag, or the time it was changed.

        Args:
            copied: Whether files may have been copied, as from a backup: by their sizes alone.
        """
        if not self.is_finished():
            return f"there is no finished output at {self.uri}"
        try:
            then = self._told().get(FILES)
        except ValueError:
            return f"the manifest of {self.uri} cannot be read"
        if then is None:
            return f"the manifest of {self.uri} lists no files"
        now = self._listing()
        known = slice(1) if copied else slice(2)
        for name, facts in then.items():
            if now.get(name, [])[known] != facts[known]:
                return f"{self.path(name)} {'was changed' if name in now else 'is missing'}"
        return ""

    def size(self) -> int:
        """The bytes of all files, finished or not."""
        return sum(size for size, _ in self._listing().values())

    def _told(self) -> dict[str, Any]:
        return dict(json.loads(self.read_text(MANIFEST)))

    def _listing(self) -> dict[str, list[Any]]:
        """The size and the stamp of every file of the results, by its name in the folder."""
        return {
            name: [int(facts["size"]), stamp_of(facts)]
            for name, facts in sorted(self._found().items())
            if name != MANIFEST and not name.endswith(_CLAIM)
        }

    def _found(self) -> dict[str, dict[str, Any]]:
        """What fsspec tells of every file, by its name in the folder."""
        files = self._files
        files.invalidate_cache()
        root = files._strip_protocol(self.uri).rstrip("/") + "/"
        return {path.removeprefix(root): f for path, f in files.find(root, detail=True).items()}


def stamp_of(facts: dict[str, Any]) -> str:
    """What fsspec tells of a file that changes when the file does: its tag, else its time."""
    return next((str(facts[name]) for name in _STAMPS if facts.get(name)), "")
