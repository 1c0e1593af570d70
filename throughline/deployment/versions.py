"""From a model's name and alias to one fixed version, and to its files."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.deployment.target import ModelVersion
from throughline.errors import UserError
from throughline.login import without_login
from throughline.not_found import is_not_found
from throughline.registry.digest import DIGEST, check_files, check_trusted
from throughline.registry.roles import find_version, versions_by_role

if TYPE_CHECKING:
    from mlflow import MlflowClient


def resolve(name: str, alias: str) -> ModelVersion:
    """Looks an alias up once, so that everything after speaks of one fixed version.

    Raises:
        UserError: The model or the alias does not exist, and the sentence names those that do; or
            the alias names a version that was deleted.
    """
    from mlflow import MlflowClient

    aliases = _aliases(MlflowClient(), name)
    if alias not in aliases:
        known = _listed(f"{known} (version {number})" for known, number in aliases.items())
        raise UserError(
            f"the registered model {name} has no alias {alias}, only {known}; "
            "run the register step first or give -P alias=..."
        )
    found = find_version(name, aliases[alias])
    if found is None:
        raise UserError(
            f"the alias {alias} of {name} names version {aliases[alias]}, which was deleted; "
            f"choose another with register -P model={name} -P to=production -P version=..., or "
            "give -P alias=..."
        )
    return ModelVersion.of(found)


def fetch(model: ModelVersion, into: Path) -> str:
    """Copies the model's files, which may be loaded then: they are what was registered.

    They are copied from a folder of this machine, too: what is checked is what is loaded, and the
    copy is still there if that folder is not.

    Args:
        model: The version.
        into: An empty folder, or one to make.

    Returns:
        The folder with the files.

    Raises:
        UserError: The registry has the version, but its files are gone, are others than those that
            were registered, or are a stranger's.
    """
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    try:
        folder = str(download_artifacts(model.uri, dst_path=str(into)))
        tags = MlflowClient().get_model_version(model.name, model.version).tags
    except (MlflowException, OSError) as error:
        reason = without_login(str(error))
        raise UserError(f"the files of {model.uri} cannot be read: {reason}") from error
    if not (Path(folder) / "MLmodel").is_file():  # MLflow copies what is not there, too
        raise UserError(f"the files of {model.uri} cannot be read: there is no MLmodel among them")
    check_files(model.name, model.version, folder, tags.get(DIGEST))
    return folder


def fetch_uri(uri: str, into: Path) -> tuple[str, str]:
    """Copies the files of a model by its URI, as :func:`fetch` does those of a version.

    Args:
        uri: A URI as MLflow has it, of a version or of another model.
        into: An empty folder, or one to make.

    Returns:
        The URI, that of exactly one version where it is of one, and the folder with the files.

    Raises:
        UserError: The files cannot be read, are others than those that were registered, or are not
            of a registered model and not trusted by their URI.
    """
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.utils.models import get_model_name_and_version

    try:
        if uri.startswith("models:/"):
            name, *number = get_model_name_and_version(MlflowClient(), uri)
            if number:  # else it is a logged model
                version = ModelVersion(name, str(number[0]), run_id="", source="")
                return version.uri, fetch(version, into)
        check_trusted(f"The model {uri}", uri)
        return uri, str(download_artifacts(uri, dst_path=str(into)))
    except (MlflowException, OSError) as error:
        reason = without_login(str(error)).splitlines()[0].rstrip(".")
        raise UserError(f"The model {uri} cannot be read: {reason}.") from None


@contextmanager
def fetched(model: ModelVersion) -> Iterator[str]:
    """The folder with the model's files, as :func:`fetch` copies them, while the block runs."""
    with tempfile.TemporaryDirectory() as scratch:
        yield fetch(model, Path(scratch) / "model")


def _aliases(client: "MlflowClient", name: str) -> dict[str, str]:
    from mlflow.exceptions import MlflowException

    try:
        return versions_by_role(name)
    except MlflowException as error:
        if not is_not_found(error):
            raise
        known = _listed(model.name for model in client.search_registered_models(max_results=20))
        raise UserError(
            f"there is no registered model {name!r}; the registry has {known}; "
            "run the register step first or give -P model=..."
        ) from error


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
