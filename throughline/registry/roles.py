"""Which version of a registered model is the champion, and which the challenger.

A role is an alias and a stage: ``models:/name@champion`` and ``models:/name/Production`` are one
version. MLflow's own registry has both. The workspace registry of Databricks (``databricks``) and
that of Azure ML have stages only, Unity Catalog (``databricks-uc``) aliases only.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from throughline import capabilities
from throughline.errors import UserError
from throughline.not_found import is_not_found

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
CHALLENGER = "challenger"

STAGES = {CHAMPION: "Production", CHALLENGER: "Staging"}
"""The stages that go with the roles."""

_UNITY_CATALOG = "databricks-uc"


def has_aliases() -> bool:
    """Whether the registry has aliases."""
    kind = databricks_registry()
    return kind == _UNITY_CATALOG if kind else capabilities.has_aliases()


def has_stages() -> bool:
    """Whether the registry has stages."""
    return databricks_registry() != _UNITY_CATALOG


def check_name(name: str, parameter: str = "model") -> None:
    """Checks that a registered model may have this name, before a registry is asked for it.

    Args:
        name: The name.
        parameter: The parameter of the command line that gave it.

    Raises:
        UserError: If not: it is a URI or a path, say.
    """
    # MLflow takes a quote, but a search, which every registry has, cannot ask for it
    if name.strip() in ("", ".", "..") or not set("/:'").isdisjoint(name):
        raise UserError(
            f"{name!r} cannot be the name of a registered model; give -P {parameter}=NAME, the "
            "name alone, without a slash, a colon or a quote."
        )


def versions_by_role(name: str) -> dict[str, str]:
    """The versions that have a role, by the role; other aliases count too.

    Raises:
        MlflowException: There is no model of that name.
        UserError: No model can have that name.
    """
    import mlflow

    check_name(name)
    client = mlflow.MlflowClient()
    if has_aliases():
        aliases = client.get_registered_model(name).aliases
        return {alias: str(version) for alias, version in aliases.items()}
    with stages_used():
        found = client.get_latest_versions(name, stages=list(STAGES.values()))
        stages = {version.current_stage: str(version.version) for version in found}
    return {role: stages[stage] for role, stage in STAGES.items() if stage in stages}


def champion_of(name: str) -> "ModelVersion | None":
    """The version of ``name`` that is the champion; None if there is no model or no champion."""
    return version_with(name, CHAMPION)


def version_with(name: str, role: str) -> "ModelVersion | None":
    """The version of ``name`` with a role or an alias; None if there is no model or no such."""
    from mlflow.exceptions import MlflowException

    try:
        version = versions_by_role(name).get(role)
    except MlflowException as error:
        if is_not_found(error):
            return None
        raise
    return find_version(name, version) if version else None


def find_version(name: str, version: str) -> "ModelVersion | None":
    """A version by its number; None if there is no such."""
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        return mlflow.MlflowClient().get_model_version(name, version)
    except MlflowException as error:
        if is_not_found(error):
            return None
        raise


def give_role(name: str, version: str, role: str) -> None:
    """Gives a version the role, and takes the other from it; whose it was before is archived.

    What is so already is left alone, so that it can be repeated after it was cut short.
    """
    if has_aliases():
        if versions_by_role(name).get(role) != version:
            _give_alias(name, version, role)  # at once: there is always one
        _take(name, version, {CHAMPION, CHALLENGER} - {role})
    if has_stages():
        _settle(name, version, role)


def _give_alias(name: str, version: str, alias: str) -> None:
    """Gives a version an alias, which others may give at the same time.

    MLflow looks whether the alias is there and then writes: of two who give one that nobody had,
    the second fails, and has to move it.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    client = mlflow.MlflowClient()
    try:
        client.set_registered_model_alias(name, alias, version)
    except MlflowException:
        if alias not in versions_by_role(name):
            raise
        client.set_registered_model_alias(name, alias, version)


def _settle(name: str, version: str, role: str) -> None:
    """Moves a version to the stage of its role, whose other versions are archived.

    Others may do so at the same time, and the registry keeps both then. So each looks again at the
    end, whoever is last sees all of them, and the alias decides.
    """
    import mlflow

    client = mlflow.MlflowClient()
    stage = STAGES[role]
    holder, given = "", version
    with stages_used():
        while given != holder:
            holder = given
            if client.get_model_version(name, holder).current_stage != stage:
                client.transition_model_version_stage(
                    name, holder, stage, archive_existing_versions=True
                )
            for found in client.search_model_versions(f"name = '{name}'"):
                if found.current_stage == stage and str(found.version) != holder:
                    client.transition_model_version_stage(name, found.version, "Archived")
            given = versions_by_role(name).get(role, holder)


def take_roles(name: str, version: str, stage: str) -> None:
    """Takes every role from a version, and moves it to a stage that goes with none."""
    import mlflow

    if has_aliases():
        _take(name, version, {CHAMPION, CHALLENGER})
    if has_stages():
        with stages_used():
            mlflow.MlflowClient().transition_model_version_stage(name, version, stage)


@contextmanager
def stages_used() -> Iterator[None]:
    """MLflow warns that stages are deprecated; the registries that have them still do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _take(name: str, version: str, roles: set[str]) -> None:
    import mlflow

    given = versions_by_role(name)
    for role in roles:
        if given.get(role) == version:
            mlflow.MlflowClient().delete_registered_model_alias(name, role)


def databricks_registry() -> str:
    """The kind of a registry of Databricks; empty for any other."""
    import mlflow
    from mlflow.utils.uri import is_databricks_unity_catalog_uri, is_databricks_uri

    uri = mlflow.get_registry_uri()
    if is_databricks_unity_catalog_uri(uri):
        return _UNITY_CATALOG
    return "databricks" if is_databricks_uri(uri) else ""
