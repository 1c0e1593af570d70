"""From a model's name and alias to one fixed version."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from throughline.deployment.target import ModelVersion
from throughline.errors import UserError
from throughline.registry.digest import DIGEST, check_files
from throughline.registry.roles import versions_by_role

if TYPE_CHECKING:
    from mlflow import MlflowClient


def resolve(name: str, alias: str) -> ModelVersion:
    """Looks an alias up once, so that everything after speaks of one fixed version.

    Raises:
        UserError: The model or the alias does not exist; the sentence names those that do.
    """
    from mlflow import MlflowClient

    client = MlflowClient()
    aliases = _aliases(client, name)
    if alias not in aliases:
        known = _listed(f"{known} (version {number})" for known, number in aliases.items())
        raise UserError(
            f"the registered model {name} has no alias {alias}, only {known}; "
            "run the register step first or give -P alias=..."
        )
    found = client.get_model_version(name, str(aliases[alias]))
    return ModelVersion(name, str(found.version), found.run_id or "", found.source or "")


def fetch(model: ModelVersion) -> str:
    """Returns a folder with the model's files, which may be loaded: they are what was registered.

    It is the registry's own folder, or a download.

    Raises:
        UserError: The registry has the version, but its files are gone, are others than those that
            were registered, or are a stranger's pickle.
    """
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    try:
        folder = str(download_artifacts(model.uri))
        tags = MlflowClient().get_model_version(model.name, model.version).tags
    except (MlflowException, OSError) as error:
        raise UserError(f"the files of {model.uri} cannot be read: {error}") from error
    check_files(model.name, model.version, folder, tags.get(DIGEST))
    return folder


def _aliases(client: "MlflowClient", name: str) -> dict[str, str]:
    from mlflow.exceptions import MlflowException

    try:
        return versions_by_role(name)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            raise
        known = _listed(model.name for model in client.search_registered_models(max_results=20))
        raise UserError(
            f"there is no registered model {name!r}; the registry has {known}; "
            "run the register step first or give -P model=..."
        ) from error


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
