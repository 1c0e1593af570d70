"""The cluster's dbutils, from the cluster itself or from outside."""

import html
import json
import logging
import operator
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from throughline.databricks.workspace import open_workspace, workspace_errors
from throughline.dbfs import on_databricks
from throughline.errors import UserError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Secret:
    """A secret of a scope, by its names; only the cluster ever sees its value."""

    scope: str
    key: str


class DbutilsError(Exception):
    """A call of dbutils failed; the text says why, in part of a sentence."""


class Dbutils(Protocol):
    """Calls functions of the cluster's dbutils."""

    def call(self, name: str, **arguments: Any) -> Any:
        """Calls a function, as in ``call("fs.unmount", mount_point="/mnt/raw")``.

        Args:
            name: The function below ``dbutils``.
            arguments: Strings, dicts of them, or a :class:`Secret` for its value.

        Raises:
            DbutilsError: The function failed.
        """


class DbutilsHere:
    """The dbutils of the cluster that runs this process."""

    def __init__(self) -> None:
        from databricks.sdk.runtime import dbutils

        self._dbutils = dbutils

    def call(self, name: str, **arguments: Any) -> Any:
        """See ``Dbutils.call``."""
        secrets: list[str] = []
        try:
            values = {name: self._value(value, secrets) for name, value in arguments.items()}
            return operator.attrgetter(name)(self._dbutils)(**values)
        except Exception as error:  # it raises what the JVM said, as several types
            text = str(error)
            for secret in secrets:
                text = text.replace(secret, "[REDACTED]")
            raise DbutilsError(_reason(text)) from None

    def _value(self, argument: Any, secrets: list[str]) -> Any:
        if isinstance(argument, Secret):
            secrets.append(self._dbutils.secrets.get(argument.scope, argument.key))
            return secrets[-1]
        if isinstance(argument, dict):
            return {key: self._value(value, secrets) for key, value in argument.items()}
        return argument


class DbutilsRemote:
    """The dbutils of the cluster that DATABRICKS_CLUSTER_ID names, by commands that run there.

    The SDK's own ``WorkspaceClient().dbutils`` would fetch a secret to this machine and send it
    back within the text of a command. Here the command names the secret and the cluster reads it.

    Raises:
        UserError: No cluster is named, it does not run and cannot be started, or the workspace
            cannot be reached.
    """

    def __init__(self) -> None:
        from databricks.sdk.service.compute import Language

        self._client = open_workspace()
        self._cluster = _cluster_of(self._client)
        with workspace_errors(self._client.config.host):
            logger.info("connecting to the cluster %s, and starting it if need be", self._cluster)
            try:
                self._client.clusters.ensure_cluster_is_running(self._cluster)
            except RuntimeError as error:
                raise UserError(f"{error}; set DATABRICKS_CLUSTER_ID to one that runs.") from None
            context = self._client.command_execution.create_and_wait(
                cluster_id=self._cluster, language=Language.PYTHON
            )
        self._context = str(context.id)

    def call(self, name: str, **arguments: Any) -> Any:
        """See ``Dbutils.call``."""
        from databricks.sdk.service.compute import CommandStatus, Language, ResultType

        given = ", ".join(f"{key}={_literal(value)}" for key, value in arguments.items())
        with workspace_errors(self._client.config.host):
            done = self._client.command_execution.execute_and_wait(
                cluster_id=self._cluster,
                context_id=self._context,
                language=Language.PYTHON,
                command=f"import json\nprint(json.dumps(dbutils.{name}({given})))",
            )
        found = done.results
        if found is None or done.status != CommandStatus.FINISHED:
            raise DbutilsError(f"the command ended as {done.status}")
        if found.result_type == ResultType.ERROR:
            raise DbutilsError(_reason(found.summary or found.cause or ""))
        return json.loads(str(found.data))

    def close(self) -> None:
        """Ends the commands' context on the cluster, which has room for few."""
        with suppress(Exception):
            self._client.command_execution.destroy(self._cluster, self._context)


@contextmanager
def open_dbutils() -> Iterator[Dbutils]:
    """The dbutils of the cluster that this process runs on, else of the one that is configured.

    Raises:
        UserError: There is no cluster to be reached.
    """
    if on_databricks():
        yield DbutilsHere()
        return
    remote = DbutilsRemote()
    try:
        yield remote
    finally:
        remote.close()


def _cluster_of(client: "WorkspaceClient") -> str:
    if not client.config.cluster_id:
        raise UserError(
            "Mounts are made by a cluster, and none is named; set DATABRICKS_CLUSTER_ID to one of "
            "the workspace."
        )
    return str(client.config.cluster_id)


def _literal(argument: Any) -> str:
    """The argument as Python text."""
    if isinstance(argument, Secret):
        return f"dbutils.secrets.get({argument.scope!r}, {argument.key!r})"
    if isinstance(argument, dict):
        pairs = (f"{key!r}: {_literal(value)}" for key, value in argument.items())
        return f"{{{', '.join(pairs)}}}"
    return repr(argument)


def _reason(text: str) -> str:
    """What the JVM said, without the types of its exceptions, else the first line."""
    plain = html.unescape(re.sub(r"<[^>]*>|\x1b\[[0-9;]*m", "", text))
    said = re.search(r"^.*Exception:\s*(.+)$", plain, re.MULTILINE)
    lines = [said[1] if said else "", *plain.splitlines()]
    first = next((line.strip() for line in lines if line.strip()), "no reason was given")
    return first[:200].rstrip(".")
