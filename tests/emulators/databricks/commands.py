"""A cluster that runs Python commands sent over REST (the Command Execution API, version 1.2)."""

import html
import io
import itertools
import re
import textwrap
import traceback
from functools import partial
from pathlib import Path
from typing import Any

from tests.emulators.databricks.dbutils import Dbutils, NotebookExit
from tests.emulators.databricks.server import Answer, Refused, Request, Route

CLUSTER = "1118-120000-testing1"


class Commands:
    """One cluster of a workspace; what it is sent is really executed.

    Args:
        folder: The workspace's, see ``new_workspace``.

    Attributes:
        state: The cluster's state when it is next asked for.
        contexts: The variables of each execution context.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, "RUNNING"
        self.contexts: dict[str, dict[str, Any]] = {}
        self._results: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    def routes(self) -> list[tuple[str, str, Route]]:
        return [
            ("GET", "/api/2.1/clusters/get", self._get),
            ("POST", "/api/2.1/clusters/start", self._start),
            ("POST", "/api/1.2/contexts/create", self._create),
            ("GET", "/api/1.2/contexts/status", self._context_status),
            ("POST", "/api/1.2/contexts/destroy", self._destroy),
            ("POST", "/api/1.2/commands/execute", self._execute),
            ("GET", "/api/1.2/commands/status", self._command_status),
        ]

    def _get(self, request: Request, match: re.Match[str]) -> Answer:
        self._known(request, "cluster_id")
        state = self.state
        if state == "PENDING":
            self.state = "RUNNING"
        return Answer.of({"cluster_id": CLUSTER, "cluster_name": "tests", "state": state})

    def _start(self, request: Request, match: re.Match[str]) -> Answer:
        self._known(request, "cluster_id")
        if self.state != "TERMINATED":
            raise Refused(400, "INVALID_STATE", f"Cluster {CLUSTER} is in state {self.state}")
        self.state = "PENDING"
        return Answer.of({})

    def _create(self, request: Request, match: re.Match[str]) -> Answer:
        self._known(request, "clusterId", "language")
        context = str(next(self._ids))
        self.contexts[context] = {"dbutils": Dbutils(self.folder)}
        return Answer.of({"id": context})

    def _context_status(self, request: Request, match: re.Match[str]) -> Answer:
        self._known(request, "clusterId", "contextId")
        return Answer.of({"id": request.json["contextId"], "status": "Running"})

    def _destroy(self, request: Request, match: re.Match[str]) -> Answer:
        self._known(request, "clusterId", "contextId")
        del self.contexts[request.json["contextId"]]
        return Answer.of({"id": request.json["contextId"]})

    def _execute(self, request: Request, match: re.Match[str]) -> Answer:
        self._known(request, "clusterId", "contextId", "language", "command")
        command = str(next(self._ids))
        variables = self.contexts[request.json["contextId"]]
        self._results[command] = _run(request.json["command"], variables)
        return Answer.of({"id": command})

    def _command_status(self, request: Request, match: re.Match[str]) -> Answer:
        self._known(request, "clusterId", "contextId", "commandId")
        command = request.json["commandId"]
        results = self._results[command]
        return Answer.of({"id": command, "status": "Finished", "results": results})

    def _known(self, request: Request, *names: str) -> None:
        given = request.json
        if set(given) != set(names):
            raise Refused(400, "MALFORMED_REQUEST", f"expected {names}, got {sorted(given)}")
        if (cluster := given.get("clusterId", given.get("cluster_id"))) != CLUSTER:
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"Cluster {cluster} does not exist")
        if "contextId" in given and given["contextId"] not in self.contexts:
            raise Refused(400, "INVALID_PARAMETER_VALUE", "ContextNotFound")
        if "language" in given and (given["language"] != "python" or self.state != "RUNNING"):
            raise Refused(400, "INVALID_STATE", f"{self.state} runs no {given['language']}")


def _run(command: str, variables: dict[str, Any]) -> dict[str, Any]:
    written = io.StringIO()
    variables["print"] = partial(print, file=written)
    try:
        exec(compile(textwrap.dedent(command), "<command>", "exec"), variables)  # noqa: S102
    except NotebookExit as end:
        return {"resultType": "text", "data": str(end)}
    except Exception as error:
        kind = f'<span class="ansi-red-fg">{type(error).__name__}</span>'
        summary = f"{kind}: {html.escape(str(error), quote=False)}"
        return {"resultType": "error", "summary": summary, "cause": traceback.format_exc()}
    return {"resultType": "text", "data": written.getvalue()}
