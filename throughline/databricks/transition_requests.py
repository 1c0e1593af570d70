"""Requests for stage transitions as the workspace registry of Databricks keeps them.

Who may read a model may ask, who may write it may approve: the workspace sees to that.
Source: https://docs.databricks.com/api/workspace/modelregistry
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from throughline.databricks.workspace import workspace_errors
from throughline.registry.champions import note_giving_up, note_succession, notes_taken_back
from throughline.registry.requests import TaggedRequests, TransitionRequests, nobody_asked
from throughline.registry.roles import CHAMPION, STAGES, databricks_registry
from throughline.registry.stages import BY_WORD, check_stage, version_of

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def open_requests() -> TransitionRequests:
    """The requests of the registry: the workspace's own where it is one of Databricks."""
    from throughline.databricks.workspace import open_workspace

    if databricks_registry() != "databricks":
        return TaggedRequests()
    return WorkspaceRequests(open_workspace())


class WorkspaceRequests:
    """The workspace's own requests; see ``TransitionRequests``."""

    def __init__(self, workspace: "WorkspaceClient") -> None:
        self.workspace = workspace

    def request(self, name: str, version: str, to: str) -> str:
        """Asks for a move."""
        self._check(name, version, to)
        with self._errors():
            self.workspace.model_registry.create_transition_request(name, version, BY_WORD[to])
        return f"asked that version {version} of {name} go to {BY_WORD[to]}"

    def approve(self, name: str, version: str, to: str) -> str:
        """Carries out what was asked for."""
        self._check(name, version, to)
        if not self._open(name, version, to):
            raise nobody_asked(name, version, to)
        with notes_taken_back(name, version), self._errors():
            note_giving_up(name, version, BY_WORD[to])
            if BY_WORD[to] == STAGES[CHAMPION]:
                note_succession(name, version)
            self.workspace.model_registry.approve_transition_request(
                name, version, BY_WORD[to], archive_existing_versions=True
            )
        return f"version {version} of {name} is in {BY_WORD[to]}, as was asked for"

    def reject(self, name: str, version: str, to: str) -> str:
        """Refuses what was asked for."""
        self._check(name, version, to)
        if not self._open(name, version, to):
            raise nobody_asked(name, version, to)
        with self._errors():
            self.workspace.model_registry.reject_transition_request(name, version, BY_WORD[to])
        return f"rejected that version {version} of {name} go to {BY_WORD[to]}"

    def _check(self, name: str, version: str, to: str) -> None:
        check_stage(to)
        version_of(name, version)

    def _open(self, name: str, version: str, to: str) -> bool:
        with self._errors():
            found = list(self.workspace.model_registry.list_transition_requests(name, version))
        return any(one.to_stage == BY_WORD[to] for one in found)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with workspace_errors(self.workspace.config.host):
            yield
