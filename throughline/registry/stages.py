"""Moving a version from stage to stage on purpose, and deleting what is archived."""

import logging
from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.registry.champions import make_champion, note_giving_up, notes_taken_back
from throughline.registry.roles import (
    CHALLENGER,
    CHAMPION,
    STAGES,
    check_name,
    give_role,
    has_stages,
    stages_used,
    take_roles,
    versions_by_role,
)

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)

ARCHIVED = "Archived"
BY_WORD = {"none": "None", "staging": "Staging", "production": "Production", "archived": ARCHIVED}
"""MLflow's stages by the words of the command line."""
DELETED = "deleted"
ALL = "all"


def move(name: str, version: str, to: str) -> str:
    """Moves a version to a stage; the champion is what is in Production.

    Whose place it takes in Production or Staging is archived. A champion that loses its place is
    given up; see ``note_giving_up``.

    Args:
        name: The registered model.
        version: Its version.
        to: A key of ``BY_WORD``.

    Returns:
        What was done, in one line.

    Raises:
        UserError: There is no such version, or the registry has no such stage.
    """
    check_stage(to)
    version_of(name, version)
    stage = BY_WORD[to]
    with notes_taken_back(name, version):
        note_giving_up(name, version, stage)
        if stage == STAGES[CHAMPION]:
            make_champion(name, version)
        elif stage == STAGES[CHALLENGER]:
            give_role(name, version, CHALLENGER)
        else:
            take_roles(name, version, stage)
    return f"version {version} of {name} is in {stage}"


def delete(name: str, version: str) -> str:
    """Deletes an archived version, or with ``all`` the model, once all its versions are archived.

    Where the registry has no stages, what has no alias counts as archived.

    Returns:
        What was done, in one line.

    Raises:
        UserError: There is no such version, or it (or another, with ``all``) is not archived, or
            has an alias.
    """
    import mlflow

    client = mlflow.MlflowClient()
    everything = version == ALL
    found = versions_of(name) if everything else [version_of(name, version)]
    kept = sorted((str(v.version) for v in found if not _archived(v)), key=int)
    if kept:
        raise UserError(
            f"Not archived of {name}: {', '.join(kept)}; only what is archived may be deleted, so "
            "first give register -P to=archived -P version=..."
        )
    _check_unnamed(name, found)
    if everything:
        _delete_model(name, found)
        return f"{name} and its {len(found)} versions are deleted"
    client.delete_model_version(name, version)
    return f"version {version} of {name} is deleted"


def check_stage(to: str) -> None:
    """Checks that this registry has a stage.

    Raises:
        UserError: If not.
    """
    if to not in BY_WORD:
        raise UserError(f"There is no stage {to!r}; it is one of {', '.join(BY_WORD)}.")
    if not has_stages() and BY_WORD[to] not in STAGES.values():
        raise UserError(
            f"Unity Catalog has no stages, so nothing can be {to} there; production and staging "
            "set the aliases champion and challenger."
        )


def version_of(name: str, version: str) -> "ModelVersion":
    """A version by its number.

    Raises:
        UserError: There is none.
    """
    found = versions_of(name)
    for one in found:
        if str(one.version) == version:
            return one
    known = ", ".join(sorted((str(one.version) for one in found), key=int)) or "none"
    raise UserError(f"{name} has no version {version!r}, only {known}; give -P version=...")


def versions_of(name: str) -> "list[ModelVersion]":
    """All versions of a registered model.

    Raises:
        UserError: There is no such model.
    """
    import mlflow

    check_name(name)
    client = mlflow.MlflowClient()
    if not client.search_registered_models(f"name = '{name}'", max_results=1):
        raise UserError(f"There is no registered model {name!r}; give -P model=NAME.")
    return list(client.search_model_versions(f"name = '{name}'"))


def _delete_model(name: str, versions: "list[ModelVersion]") -> None:
    """Deletes a model; where the registry cannot, as Azure ML's, all its versions."""
    import mlflow
    from mlflow.exceptions import MlflowException

    client = mlflow.MlflowClient()
    try:
        client.delete_registered_model(name)
    except MlflowException:
        for version in versions:
            client.delete_model_version(name, version.version)


def _archived(version: "ModelVersion") -> bool:
    with stages_used():
        return not has_stages() or bool(version.current_stage == ARCHIVED)


def _check_unnamed(name: str, versions: "list[ModelVersion]") -> None:
    """Checks that no alias names one of the versions: a person may have given it to any.

    Raises:
        UserError: If one does.
    """
    roles = versions_by_role(name)
    for version in sorted(str(one.version) for one in versions):
        if named := ", ".join(sorted(role for role in roles if roles[role] == version)):
            raise UserError(
                f"version {version} of {name} has the alias {named}; only what has none may be "
                "deleted, so first give that to another version, or take it away."
            )
