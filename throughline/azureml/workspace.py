"""The workspace: which one is meant, and a client of it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.azure_identity import MANAGEMENT, log_in
from throughline.errors import UserError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azureml.core import Workspace

CONFIG = (".azureml/config.json", "config.json")
"""Where the file is that Azure ML's pages offer for download, in this folder or one above it."""

_KEYS = {
    "subscription_id": ("AZUREML_ARM_SUBSCRIPTION", "AZURE_SUBSCRIPTION_ID"),
    "resource_group": ("AZUREML_ARM_RESOURCEGROUP", "AZURE_RESOURCE_GROUP"),
    "workspace_name": ("AZUREML_ARM_WORKSPACE_NAME",),
}
"""The file's keys, and the variables for each; Azure ML sets the first ones in its jobs."""
_MANAGER = "https://management.azure.com"
_VERSION = "2022-05-01"
"""Of the resource manager's API, as the SDK has it."""
_SECONDS = 30


@dataclass(frozen=True)
class WorkspaceName:
    """A workspace, by its names in Azure."""

    subscription_id: str
    resource_group: str
    workspace_name: str

    @property
    def scope(self) -> str:
        """Its path at the resource manager."""
        group = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{self}"

    def __str__(self) -> str:
        return self.workspace_name


def find_workspace(given: Mapping[str, str], config: str = "") -> WorkspaceName:
    """Which workspace is meant: by what is given, else the environment, else a file found here.

    Args:
        given: Keys of the configuration file with their values; an empty value counts as none.
        config: The path of the file, which then counts before the environment; by default it is
            looked for, from this folder upwards.

    Raises:
        UserError: A name is missing, or the file cannot be read.
    """
    said = {key: value for key, value in given.items() if value}
    of_file = _read(Path(config)) if config else {}
    for key, variables in _KEYS.items():
        found = (os.environ[name] for name in variables if os.environ.get(name))
        if value := said.get(key) or of_file.get(key) or next(found, ""):
            said[key] = value
    if len(said) < len(_KEYS) and not config and (path := _config_above(Path.cwd())):
        said = {**_read(path), **said}
    if missing := [key for key in _KEYS if key not in said]:
        raise UserError(
            f"No Azure ML workspace is named ({', '.join(missing)} missing); download its "
            f"config.json into this folder, or set {', '.join(_KEYS[key][0] for key in missing)}."
        )
    return WorkspaceName(**{key: said[key] for key in _KEYS})


def open_workspace(named: WorkspaceName) -> "Workspace":
    """Connects to a workspace, as who we are to Azure.

    The login, the workspace and its region's services are each tried once, with a limit: the SDK
    has none, and tries again and again.

    Raises:
        UserError: Nobody is logged in, there is no such workspace, it is not ours to read, or what
            is asked does not answer.
    """
    credential = log_in()
    with _errors(named):
        found = _ask(f"{_MANAGER}{named.scope}?api-version={_VERSION}", credential, named)
        _ask(found["properties"]["discoveryUrl"], credential, named)
        from azureml.core import Workspace

        return Workspace.get(
            named.workspace_name,
            auth=_authentication(credential),
            subscription_id=named.subscription_id,
            resource_group=named.resource_group,
        )


def tracking_uri(named: WorkspaceName) -> str:
    """The tracking URI of a workspace; see :func:`open_workspace` for what it raises."""
    workspace = open_workspace(named)
    with _errors(named):
        return str(workspace.get_mlflow_tracking_uri()).rstrip("?")


def _authentication(credential: "TokenCredential") -> Any:
    """The credential, as the SDK and its plugin of MLflow call it."""
    from azureml.core.authentication import TokenAuthentication

    class Authentication(TokenAuthentication):
        def get_token(self, *scopes: Any, **options: Any) -> Any:
            """A token as the plugin asks for one, by scopes."""
            return credential.get_token(*scopes)

    def token_for(audience: str) -> str:
        return credential.get_token(f"{audience.rstrip('/')}/.default").token

    return Authentication(token_for)


def _ask(url: str, credential: "TokenCredential", named: WorkspaceName) -> dict[str, Any]:
    import requests

    token = credential.get_token(MANAGEMENT).token
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=_SECONDS)
    if answer.ok:
        return dict(answer.json())
    told = _error_in(answer.text)
    code, reason = str(told.get("code", answer.status_code)), _short(str(told.get("message", "")))
    if answer.status_code == 404:
        raise UserError(
            f"Azure has no workspace {named} in the resource group {named.resource_group} of the "
            f"subscription {named.subscription_id} ({code}); check the three names."
        )
    if answer.status_code == 401:
        raise UserError(
            f"Azure no longer takes the token ({code}: {reason}); log in again, with az login or a "
            "new AZURE_CLIENT_SECRET."
        )
    if answer.status_code == 403:
        raise UserError(
            f"Who is logged in may not read the workspace {named} ({code}); ask its owner for the "
            "role AzureML Data Scientist."
        )
    raise UserError(f"Azure answered {code} for the workspace {named} ({reason}); try again later.")


@contextmanager
def _errors(named: WorkspaceName) -> Iterator[None]:
    """Turns the errors of the network and of the SDK in the block into a user's mistake."""
    import requests
    from azure.core.exceptions import AzureError

    try:
        yield
    except (requests.ConnectionError, requests.Timeout) as error:
        host = getattr(error.request, "url", None) or _MANAGER
        raise UserError(
            f"{host.partition('//')[2].partition('/')[0]} does not answer; check the network and "
            "HTTPS_PROXY."
        ) from None
    except Exception as error:
        of_sdk = type(error).__module__.startswith(("azureml.", "msrest."))
        if not of_sdk and not isinstance(error, requests.RequestException | AzureError | KeyError):
            raise
        raise UserError(
            f"Azure did not give the workspace {named} ({type(error).__name__}: "
            f"{_short(str(error))}); check the three names and HTTPS_PROXY."
        ) from None


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(
            f"The file {path} cannot be read ({error.strerror}); give the path of a workspace's "
            "config.json."
        ) from None
    except ValueError:
        raise UserError(f"The file {path} is no JSON; download the workspace's again.") from None
    if not isinstance(content, dict):
        raise UserError(f"The file {path} is no JSON object; download the workspace's again.")
    return {key: str(content[key]) for key in _KEYS if content.get(key)}


def _config_above(folder: Path) -> Path | None:
    places = (above / name for above in (folder, *folder.parents) for name in CONFIG)
    return next((place for place in places if place.is_file()), None)


def _error_in(text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return {}


def _short(text: str) -> str:
    line = " ".join(text.split()).partition(". ")[0].rstrip(".")
    return line if len(line) <= 200 else f"{line[:200]}..."
