"""The part of dbutils that mounts storage, over folders of this machine.

It does and refuses what Databricks' documentation ("Mounting cloud object storage", "Databricks
Utilities") and its clusters' own words say; a call or an argument that is not there is refused. The
state is a file, so that several processes see the same mounts.
"""

import json
from collections import namedtuple
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MountInfo = namedtuple("MountInfo", ["mountPoint", "source", "encryptionType"])

_OAUTH = "fs.azure.account.oauth"
_STATE = "workspace.json"


class ExecutionError(Exception):
    """What a failed call of the JVM is in Python."""


class NotebookExit(Exception):
    """The end of a notebook or a command, with its value."""


def new_workspace(folder: Path, **state: Any) -> Path:
    """Writes the state of a workspace.

    Args:
        folder: Where it is kept; DBFS is the folder ``dbfs`` in it.
        state: ``accounts`` (for each its ``key`` and its containers' folders), ``secrets`` (for
            each scope its secrets), ``principals`` (for each client its ``tenant`` and ``secret``).
    """
    (folder / "dbfs").mkdir(parents=True)
    empty: dict[str, Any] = {"accounts": {}, "secrets": {}, "principals": {}, "mounts": {}}
    (folder / _STATE).write_text(json.dumps(empty | state))
    return folder


class Dbutils:
    """``dbutils`` as a cluster gives it to Python."""

    def __init__(self, folder: Path) -> None:
        self.secrets = Secrets(folder)
        self.fs = FileSystem(folder)
        self.notebook = Notebook()


class Notebook:
    def exit(self, value: str) -> None:
        raise NotebookExit(value)


class Secrets:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, scope: str, key: str) -> str:
        try:
            return str(_read(self._folder)["secrets"][scope][key])
        except KeyError:
            raise _failed(
                "secrets.get",
                f"java.lang.IllegalArgumentException: Secret does not exist with scope: {scope} "
                f"and key: {key}",
            ) from None


class FileSystem:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def mounts(self) -> list[MountInfo]:
        root = MountInfo("/", "DatabricksRoot", "")
        samples = MountInfo("/databricks-datasets", "databricks-datasets", "")
        mounts = _read(self._folder)["mounts"].items()
        return [samples, root, *(MountInfo(point, source, "") for point, source in mounts)]

    def refreshMounts(self) -> bool:
        return True

    def mount(
        self,
        source: str,
        mount_point: str,
        encryption_type: str = "",
        owner: str | None = None,
        extra_configs: Mapping[str, str] | None = None,
    ) -> bool:
        if mount_point in _read(self._folder)["mounts"]:
            raise _illegal("mount", f"requirement failed: Directory already mounted: {mount_point}")
        return self._make("mount", source, mount_point, extra_configs)

    def updateMount(
        self,
        source: str,
        mount_point: str,
        encryption_type: str = "",
        owner: str | None = None,
        extra_configs: Mapping[str, str] | None = None,
    ) -> bool:
        if mount_point not in _read(self._folder)["mounts"]:
            message = f"requirement failed: Directory not mounted: {mount_point}"
            raise _illegal("updateMount", message)
        return self._make("updateMount", source, mount_point, extra_configs)

    def unmount(self, mount_point: str) -> bool:
        state = _read(self._folder)
        if mount_point not in state["mounts"]:
            raise _illegal("unmount", f"Directory not mounted: {mount_point}")
        del state["mounts"][mount_point]
        self._link(mount_point).unlink()
        _write(self._folder, state)
        return True

    def _make(self, call: str, source: str, point: str, configs: Mapping[str, str] | None) -> bool:
        if not point.startswith("/"):
            raise _illegal(call, f"Mount point must be an absolute path: {point}")
        state = _read(self._folder)
        folder = _opened(call, source, dict(configs or {}), state)
        link = self._link(point)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
        state["mounts"][point] = source
        _write(self._folder, state)
        return True

    def _link(self, point: str) -> Path:
        return self._folder / "dbfs" / point.strip("/")


def _opened(call: str, source: str, configs: dict[str, str], state: dict[str, Any]) -> Path:
    """The folder behind a source, once the configuration opens it."""
    place = urlsplit(source)
    account, service = (place.hostname or "").split(".")[:2]
    if place.scheme == "wasbs" and service == "blob":
        key = configs.pop(f"fs.azure.account.key.{place.hostname}", None)
        _no_more(call, configs)
        if key is None:
            raise _failed(
                call,
                "shaded.databricks.org.apache.hadoop.fs.azure.AzureException: Unable to access "
                f"container {place.username} in account {place.hostname} using anonymous "
                "credentials, and no credentials found for them in the configuration.",
            )
        if key != state["accounts"].get(account, {}).get("key"):
            raise _failed(
                call,
                "shaded.databricks.org.apache.hadoop.fs.azure.AzureException: hadoop_azure_shaded."
                "com.microsoft.azure.storage.StorageException: Server failed to authenticate the "
                "request. Make sure the value of Authorization header is formed correctly "
                "including the signature.",
            )
    elif place.scheme == "abfss" and service == "dfs" and configs.get("fs.azure.account.auth.type"):
        _check_principal(call, configs, state)
    else:
        raise _illegal(call, f"Unsupported Azure Scheme: {place.scheme}")
    containers = state["accounts"].get(account, {}).get("containers", {})
    if place.username not in containers:
        raise _failed(
            call,
            "shaded.databricks.org.apache.hadoop.fs.azure.AzureException: Container "
            f"{place.username} in account {place.hostname} not found, and we can't create it.",
        )
    return Path(containers[place.username], place.path.strip("/"))


def _check_principal(call: str, configs: dict[str, str], state: dict[str, Any]) -> None:
    provider = "org.apache.hadoop.fs.azurebfs.oauth2.ClientCredsTokenProvider"
    given = [
        configs.pop(name, "")
        for name in (
            "fs.azure.account.auth.type",
            f"{_OAUTH}.provider.type",
            f"{_OAUTH}2.client.id",
            f"{_OAUTH}2.client.secret",
            f"{_OAUTH}2.client.endpoint",
        )
    ]
    _no_more(call, configs)
    known = state["principals"].get(given[2], {})
    endpoint = f"https://login.microsoftonline.com/{known.get('tenant')}/oauth2/token"
    if given != ["OAuth", provider, given[2], known.get("secret"), endpoint]:
        raise _failed(
            call,
            "shaded.databricks.azurebfs.org.apache.hadoop.fs.azurebfs.oauth2."
            "AzureADAuthenticator$HttpException: HTTP Error 401; AADSTS7000215: Invalid client "
            "secret provided.",
        )


def _no_more(call: str, configs: dict[str, str]) -> None:
    if configs:
        raise _illegal(call, f"unknown extra_configs: {', '.join(sorted(configs))}")


def _illegal(call: str, message: str) -> ExecutionError:
    return _failed(call, f"java.lang.IllegalArgumentException: {message}")


def _failed(call: str, message: str) -> ExecutionError:
    return ExecutionError(
        f"An error occurred while calling o358.{call.rpartition('.')[2]}.\n: {message}\n"
        "\tat com.databricks.backend.daemon.dbutils.DBUtilsCore.call(DBUtilsCore.scala:1)\n"
    )


def _read(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / _STATE).read_text()))


def _write(folder: Path, state: dict[str, Any]) -> None:
    (folder / _STATE).write_text(json.dumps(state))
