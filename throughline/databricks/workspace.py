"""The client of a Databricks workspace; what goes wrong on the way to it, as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from throughline.errors import UserError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_HTTP_SECONDS = 30
"""How long the workspace may take for an answer."""
_RETRY_SECONDS = 120
"""How long an established workspace may be away, as while a job waits for hours."""


def open_workspace(http_seconds: int = _HTTP_SECONDS) -> "WorkspaceClient":
    """Connects to the workspace that the environment or ``~/.databrickscfg`` names.

    The host and the token are tried at once, by asking who we are: later calls are repeated for
    ``_RETRY_SECONDS`` when the network fails, which a wrong host should not have to wait for.

    Args:
        http_seconds: How long an answer may take once the workspace has answered.

    Raises:
        UserError: No workspace or credentials are configured, it does not answer, or it refuses.
    """
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config

    try:
        config = Config(http_timeout_seconds=_HTTP_SECONDS, retry_timeout_seconds=1)
    except ValueError as error:
        raise UserError(
            "No Databricks workspace is configured; set DATABRICKS_HOST and DATABRICKS_TOKEN, or "
            f"DATABRICKS_CONFIG_PROFILE to a profile of ~/.databrickscfg ({_reason(error)})."
        ) from None
    if not config.host:
        raise UserError(
            "No Databricks workspace is configured; set DATABRICKS_HOST and DATABRICKS_TOKEN, or "
            "DATABRICKS_CONFIG_PROFILE to a profile of ~/.databrickscfg."
        )
    with workspace_errors(config.host):
        WorkspaceClient(config=config).current_user.me()
    config.http_timeout_seconds, config.retry_timeout_seconds = http_seconds, _RETRY_SECONDS
    return WorkspaceClient(config=config)


@contextmanager
def workspace_errors(host: str) -> Iterator[None]:
    """Turns the errors of the SDK in the block into a user's mistake."""
    import requests
    from databricks.sdk.errors import DatabricksError, PermissionDenied, Unauthenticated

    try:
        yield
    except Unauthenticated as error:
        raise UserError(
            f"The Databricks workspace {host} refuses the token ({_reason(error)}); make a new one "
            "and set DATABRICKS_TOKEN."
        ) from None
    except PermissionDenied as error:
        raise UserError(
            f"The Databricks workspace {host} does not allow it ({_reason(error)}); check "
            "DATABRICKS_TOKEN and what its owner may do."
        ) from None
    except DatabricksError as error:
        raise UserError(f"The Databricks workspace {host} answers: {_reason(error)}.") from None
    except (requests.ConnectionError, requests.Timeout, TimeoutError):
        raise UserError(
            f"The Databricks workspace {host} does not answer; check DATABRICKS_HOST and the "
            "network."
        ) from None
    except (requests.RequestException, ValueError):  # what answered there speaks no JSON
        raise UserError(
            f"What answers at {host} is no Databricks workspace; check DATABRICKS_HOST."
        ) from None


def _reason(error: Exception) -> str:
    """The first sentence of an error's text, short."""
    text = " ".join(str(error).split()).partition(". ")[0].rstrip(".")
    return text if len(text) <= 200 else f"{text[:200]}..."
