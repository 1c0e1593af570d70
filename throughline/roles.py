"""Which version of a registered model is the champion, and which the challenger.

A role is an alias. The workspace registry of Databricks (``databricks``) has no aliases, so there
it is a stage; Unity Catalog (``databricks-uc``) has them, as MLflow's own registry does.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

CHAMPION = "champion"
CHALLENGER = "challenger"

STAGES = {CHAMPION: "Production", CHALLENGER: "Staging"}
"""The stages that stand for roles where there are no aliases."""


def versions_by_role(name: str) -> dict[str, str]:
    """The versions that have a role, by the role; other aliases count too.

    Raises:
        MlflowException: There is no model of that name.
    """
    import mlflow

    client = mlflow.MlflowClient()
    if _has_aliases():
        return dict(client.get_registered_model(name).aliases)
    with _stages():
        found = client.get_latest_versions(name, stages=list(STAGES.values()))
        stages = {version.current_stage: str(version.version) for version in found}
    return {role: stages[stage] for role, stage in STAGES.items() if stage in stages}


def give_role(name: str, version: str, role: str) -> None:
    """Gives a version the role; a champion is the challenger no more."""
    import mlflow

    client = mlflow.MlflowClient()
    if not _has_aliases():
        with _stages():
            client.transition_model_version_stage(
                name, version, STAGES[role], archive_existing_versions=True
            )
        return
    client.set_registered_model_alias(name, role, version)
    if role == CHAMPION and CHALLENGER in client.get_model_version(name, version).aliases:
        client.delete_registered_model_alias(name, CHALLENGER)


def _has_aliases() -> bool:
    import mlflow
    from mlflow.utils.uri import is_databricks_uri

    return not is_databricks_uri(mlflow.get_registry_uri())


@contextmanager
def _stages() -> Iterator[None]:
    """MLflow warns that stages are deprecated; that registry has nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield
