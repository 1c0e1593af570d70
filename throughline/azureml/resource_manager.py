"""Calls of Azure's resource manager that the SDK and MLflow's plugin do not make."""

from typing import TYPE_CHECKING, Any

from throughline.azure_identity import MANAGEMENT
from throughline.errors import UserError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

HOST = "https://management.azure.com"
VERSION = "2022-05-01"
_SECONDS = 60


class ResourceManager:
    """Asks about what is in a workspace.

    Args:
        scope: The workspace's path.
        credential: Who asks.
    """

    def __init__(self, scope: str, credential: "TokenCredential") -> None:
        self.scope, self.credential = scope, credential

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Posts to a path below the workspace; returns the parsed answer.

        Raises:
            UserError: It does not answer, or refuses.
        """
        import requests

        token = self.credential.get_token(MANAGEMENT).token
        try:
            answer = requests.post(
                f"{HOST}{self.scope}{path}?api-version={VERSION}",
                json=body or {},
                headers={"Authorization": f"Bearer {token}"},
                timeout=_SECONDS,
            )
            content: dict[str, Any] = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise UserError(
                f"Azure does not answer ({type(error).__name__}); check the network and "
                "HTTPS_PROXY."
            ) from None
        if not answer.ok:
            told = content.get("error", {}).get("message", answer.status_code)
            raise UserError(f"Azure refuses {path.rpartition('/')[2]} ({told}); ask the owner.")
        return content
