"""Asking for a move to a stage, and carrying it out, where the registry has no such thing itself.

A request is a tag of the version. What became of it is another, with who and when.
"""

import json
from typing import Protocol

from throughline.errors import UserError
from throughline.registry.champions import now, user
from throughline.registry.stages import BY_WORD, check_stage, move, version_of


class TransitionRequests(Protocol):
    """Requests for moves. ``to`` is a key of ``BY_WORD``; each says in one line what was done."""

    def request(self, name: str, version: str, to: str) -> str:
        """Asks for a move."""

    def approve(self, name: str, version: str, to: str) -> str:
        """Carries out what was asked for."""

    def reject(self, name: str, version: str, to: str) -> str:
        """Refuses what was asked for."""


class TaggedRequests:
    """Requests as tags ``requested.<stage>`` of a version, decisions as ``approved.<stage>``."""

    def request(self, name: str, version: str, to: str) -> str:
        """Asks for a move.

        Raises:
            UserError: There is no such version or stage.
        """
        check_stage(to)
        asked = {"by": user(), "at": now()}
        version_of(name, version)
        self._tag(name, version, f"requested.{to}", asked)
        return f"{asked['by']} asks that version {version} of {name} go to {BY_WORD[to]}"

    def approve(self, name: str, version: str, to: str) -> str:
        """Moves the version, and keeps who asked and who approved.

        Raises:
            UserError: Nobody asked for it.
        """
        asked = self._asked(name, version, to)
        done = move(name, version, to)  # first: cut short after it, approving again ends it
        self._decide(name, version, to, "approved", asked)
        return f"{done}, asked for by {asked['by']} and approved by {user()}"

    def reject(self, name: str, version: str, to: str) -> str:
        """Leaves the version where it is, and keeps who asked and who rejected.

        Raises:
            UserError: Nobody asked for it.
        """
        asked = self._asked(name, version, to)
        self._decide(name, version, to, "rejected", asked)
        return f"{user()} rejects that version {version} of {name} go to {BY_WORD[to]}"

    def _asked(self, name: str, version: str, to: str) -> dict[str, str]:
        check_stage(to)
        text = version_of(name, version).tags.get(f"requested.{to}")
        if text is None:
            raise nobody_asked(name, version, to)
        return dict(json.loads(text))

    def _decide(self, name: str, version: str, to: str, how: str, asked: dict[str, str]) -> None:
        import mlflow

        decided = {"by": user(), "at": now(), "asked_by": asked["by"], "asked_at": asked["at"]}
        self._tag(name, version, f"{how}.{to}", decided)
        mlflow.MlflowClient().delete_model_version_tag(name, version, f"requested.{to}")

    def _tag(self, name: str, version: str, tag: str, content: dict[str, str]) -> None:
        import mlflow

        mlflow.MlflowClient().set_model_version_tag(name, version, tag, json.dumps(content))


def nobody_asked(name: str, version: str, to: str) -> UserError:
    """The mistake of deciding on a request that is not there."""
    return UserError(
        f"Nobody asked that version {version} of {name} go to {BY_WORD.get(to, to)}; ask with "
        f"register -P request={to} -P version={version}, or move it with -P to={to}."
    )
