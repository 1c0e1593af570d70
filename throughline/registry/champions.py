"""Champions, one after the other, and the way back to the one before.

Each version that becomes the champion carries in its tags whose place it took, when, and who did
it. So the way back needs nothing but the registry.
"""

import datetime as dt
import getpass
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.login import without_login
from throughline.registry.roles import CHAMPION, STAGES, champion_of, find_version, give_role
from throughline.registry.version_tags import tag_version

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)

BEFORE = "champion_before"
"""The tag of a champion with the version whose place it took."""
SINCE = "champion_since"
BY = "champion_by"
GIVEN_UP = "given_up"
"""The tag of a version that was champion until a person decided otherwise: when, and by whom."""
ROLLING_BACK = "rolling_back"
"""The tag of a version that a rollback makes champion again, until that ends: when, and by whom."""
_NOTES = (BEFORE, SINCE, BY, GIVEN_UP, ROLLING_BACK)


@dataclass(frozen=True)
class Rollback:
    """Two versions: the champion that was given up, and the one that is champion again."""

    given_up: str
    champion: str


def make_champion(name: str, version: str) -> None:
    """Makes a version the champion, and keeps whose place it took; see ``give_role``."""
    note_succession(name, version)
    give_role(name, version, CHAMPION)


def note_succession(name: str, version: str) -> None:
    """Notes on a version, which is about to become the champion, whose place it takes."""
    import mlflow

    client = mlflow.MlflowClient()
    present = champion_of(name)
    noted = client.get_model_version(name, version)
    if present is None or str(present.version) != version:
        tags = {SINCE: now(), BY: user()}
        if present:
            tags[BEFORE] = str(present.version)
        tag_version(name, version, tags)
    _forget(noted, GIVEN_UP)
    _forget(noted, ROLLING_BACK)


def note_giving_up(name: str, version: str, stage: str) -> None:
    """Notes on the champion that a person is about to take its place by moving a version.

    No promotion rule makes it the champion again, only a person.
    """
    present = champion_of(name)
    if present and (str(present.version) == version) != (stage == STAGES[CHAMPION]):
        _note(name, str(present.version), GIVEN_UP)


@contextmanager
def notes_taken_back(name: str, version: str) -> Iterator[None]:
    """Takes back what the block noted on a version and on the champion, if the move is refused.

    Notes come before a move, so that one that is cut short can be rolled back.
    """
    from mlflow.exceptions import MlflowException

    present = champion_of(name)
    noted = {version, *([str(present.version)] if present else [])}
    before = {one: _notes(name, one) for one in noted}
    try:
        yield
    except Exception:
        try:
            again = champion_of(name)
            if (again and again.version) == (present and present.version):
                for one, notes in before.items():
                    _put_notes(name, one, notes)
        except MlflowException as second:
            reason = without_login(str(second))
            logger.warning("notes on the versions of %s may be left: %s", name, reason)
        raise


def _notes(name: str, version: str) -> dict[str, str]:
    found = find_version(name, version)
    return {tag: str(found.tags[tag]) for tag in _NOTES if tag in found.tags} if found else {}


def _put_notes(name: str, version: str, notes: Mapping[str, str]) -> None:
    import mlflow

    client, found = mlflow.MlflowClient(), _notes(name, version)
    for tag in found.keys() - notes.keys():
        client.delete_model_version_tag(name, version, tag)
    for tag, value in notes.items() - found.items():
        client.set_model_version_tag(name, version, tag, value)


def given_up(version: "ModelVersion | None") -> str:
    """When, and by whom, a version was given up as champion; empty if it was not."""
    return str(version.tags.get(GIVEN_UP, "")) if version else ""


def resume_rollback(name: str, served: str = "") -> str:
    """Goes on with an earlier rollback that did not end: gives its champion the whole role.

    Args:
        name: The registered model.
        served: The version that is served. If it was given up for the present champion, the
            rollback has not come to where it is served.

    Returns:
        The champion; empty if there is no such rollback.
    """
    present = champion_of(name)
    if present is None:
        return ""
    version = str(present.version)
    if ROLLING_BACK not in present.tags:
        if not _given_up_for(present, find_version(name, served) if served else None):
            return ""
        _note(name, version, ROLLING_BACK)
    give_role(name, version, CHAMPION)
    _forget(present, GIVEN_UP)
    return version


def _given_up_for(champion: "ModelVersion", version: "ModelVersion | None") -> bool:
    """Whether a rollback gave up the version for the champion.

    A champion that a person made in its place is newer than that; a rollback leaves the time.
    """
    if version is None or not (when := given_up(version).partition(" ")[0]):
        return False
    before = version.tags.get(BEFORE) == str(champion.version) != str(version.version)
    return before and str(champion.tags.get(SINCE, "")) < when


def roll_back(name: str) -> Rollback:
    """Makes the champion's predecessor the champion again.

    The one that is given up is marked, and the other no more; see ``note_giving_up``. The other is
    marked until ``end_rollback``, so that what was cut short is gone on with, and not repeated; see
    ``resume_rollback``.

    Raises:
        UserError: There is no champion, or none before it, or that one was deleted.
    """
    present = champion_of(name)
    if present is None:
        raise UserError(f"The registered model {name!r} has no champion; run register first.")
    before = present.tags.get(BEFORE)
    if before is None:
        raise UserError(
            f"Version {present.version} of {name} is its first champion: there is none before it "
            "to go back to."
        )
    again = find_version(name, before)
    if again is None:
        raise UserError(
            f"The champion before version {present.version} of {name} was version {before}, which "
            "was deleted; choose another with register -P to=production -P version=..."
        )
    with notes_taken_back(name, before):
        _note(name, before, ROLLING_BACK)
        _note(name, str(present.version), GIVEN_UP)
        give_role(name, before, CHAMPION)
        _forget(again, GIVEN_UP)
    logger.info("version %s of %s is the champion again, not %s", before, name, present.version)
    return Rollback(str(present.version), str(before))


def end_rollback(name: str, version: str) -> None:
    """Marks that the rollback to a version has ended: the next one goes back one more."""
    if found := find_version(name, version):
        _forget(found, ROLLING_BACK)


def _note(name: str, version: str, tag: str) -> None:
    tag_version(name, version, {tag: f"{now()} by {user()}"})


def _forget(version: "ModelVersion", tag: str) -> None:
    import mlflow

    if tag in version.tags:
        client = mlflow.MlflowClient()
        client.delete_model_version_tag(version.name, str(version.version), tag)


def now() -> str:
    """The time in UTC to the millisecond, as text that sorts as the times do."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")


def user() -> str:
    """Who does this: the tracking server's user, or the machine's."""
    return os.environ.get("MLFLOW_TRACKING_USERNAME") or getpass.getuser()
