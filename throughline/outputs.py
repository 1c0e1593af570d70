"""Outputs of steps: folders below the data root that count only once their manifest is there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughline.dbfs import for_python, for_spark
from throughline.errors import UserError

MANIFEST = "manifest.json"


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
        if not output._files.exists(output.path(MANIFEST)):
            raise UserError(f"There is no finished output at {uri}; run the step that makes it.")
        return output

    @property
    def _files(self) -> Any:
        from fsspec.core import url_to_fs

        return url_to_fs(self.uri)[0]

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
        """Writes a small file."""
        self._files.makedirs(self.uri, exist_ok=True)
        with self._files.open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def clear(self) -> None:
        """Removes what an unfinished attempt left; the manifest first, should there be one."""
        if self._files.exists(self.path(MANIFEST)):
            self._files.rm(self.path(MANIFEST))
        if self._files.exists(self.uri):
            self._files.rm(self.uri, recursive=True)

    def commit(self, manifest: dict[str, Any]) -> None:
        """Makes the output count: writes its manifest."""
        self.write_text(MANIFEST, json.dumps(manifest, indent=1, default=str) + "\n")

    def manifest(self) -> dict[str, Any]:
        """What :meth:`commit` wrote."""
        return dict(json.loads(self.read_text(MANIFEST)))
