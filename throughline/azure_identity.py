"""Who we are to Azure: the credential that the environment, or the person at the terminal, gives.

The variables are those of azure-identity. No secret is ever an argument of a command line.
"""

import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from throughline.errors import UserError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

LOGIN = "THROUGHLINE_AZURE_LOGIN"
"""Names one of ``METHODS``; by default the first for which there is something to log in by."""
METHODS = ("service_principal", "managed_identity", "cli", "interactive")
MANAGEMENT = "https://management.azure.com/.default"
"""What a token is asked for."""
PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")

_IDENTITY = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")
"""Where Azure's services, Azure ML's computes among them, tell of their identity; a plain virtual
machine does not."""
_LOGIN_SECONDS = 300
_CLI_SECONDS = 30
_NETWORK = {"retry_total": 1, "connection_timeout": 10, "read_timeout": 30}
_NUMBER = re.compile(r"AADSTS(\d+): (.+?)(?:\.\s|\.?$)", re.DOTALL)


def log_in() -> "TokenCredential":
    """The credential, tried by asking for a token.

    Raises:
        UserError: There is nothing to log in by, or Azure refuses it or does not answer.
    """
    method = _method()
    logging.getLogger("azure.identity").setLevel(logging.ERROR)  # the sentence says it
    with _login_errors():
        credential = _credential(method)
        credential.get_token(MANAGEMENT)
    return credential


@contextmanager
def _login_errors() -> Iterator[None]:
    """Turns what goes wrong with a token in the block into a user's mistake."""
    from azure.core.exceptions import AzureError

    try:
        yield
    except (AzureError, ValueError) as error:  # ValueError: what is no tenant's id
        raise UserError(_unanswered(error) or _refusal(str(error))) from None


def _method() -> str:
    """How to log in.

    Raises:
        UserError: There is no such way, or nothing to log in by.
    """
    asked = os.environ.get(LOGIN, "auto")
    if asked in METHODS:
        return asked
    if asked != "auto":
        raise UserError(f"{LOGIN} is {asked!r}; set it to one of {', '.join(METHODS)}, or not.")
    if "AZURE_CLIENT_SECRET" in os.environ:
        return "service_principal"
    if any(name in os.environ for name in _IDENTITY):
        return "managed_identity"
    if shutil.which("az"):
        return "cli"
    return "interactive"


def _credential(method: str) -> "TokenCredential":
    from azure import identity

    tenant, client = os.environ.get("AZURE_TENANT_ID"), os.environ.get("AZURE_CLIENT_ID")
    if method == "service_principal":
        if missing := [name for name in PRINCIPAL if not os.environ.get(name)]:
            raise UserError(f"A service principal needs {' and '.join(missing)} too; set it.")
        secret = os.environ["AZURE_CLIENT_SECRET"]
        return identity.ClientSecretCredential(str(tenant), str(client), secret, **_NETWORK)
    if method == "managed_identity":
        return identity.ManagedIdentityCredential(client_id=client, **_NETWORK)
    if method == "cli":
        if not shutil.which("az"):
            raise UserError("The Azure CLI (az) is not installed; install it, and run az login.")
        return identity.AzureCliCredential(process_timeout=_CLI_SECONDS)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UserError(
            f"Nothing here logs in to Azure; set {', '.join(PRINCIPAL)}, or run az login."
        )
    named = {"tenant_id": tenant} if tenant else {}
    return identity.InteractiveBrowserCredential(timeout=_LOGIN_SECONDS, **named, **_NETWORK)


def _unanswered(error: BaseException | None) -> str:
    """One sentence if the network was the reason; empty if it was not."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    while error:
        if isinstance(error, ServiceRequestError | ServiceResponseError):
            return (
                "Azure's login (login.microsoftonline.com) does not answer; check the network and "
                "HTTPS_PROXY."
            )
        error = error.__cause__ or error.__context__
    return ""


def _refusal(text: str) -> str:
    """One sentence on why there is no token."""
    tenant, client = (os.environ.get(name) for name in PRINCIPAL[:2])
    found = _NUMBER.search(text)
    number = found[1] if found else ""
    if number == "7000215":
        return "Azure refuses the secret in AZURE_CLIENT_SECRET; set it to the secret's value."
    if number == "7000222":
        return "The secret in AZURE_CLIENT_SECRET has expired; make a new one and set it."
    if number == "90002" or "tenant" in text.lower() and not number:
        return f"Azure has no tenant {tenant!r}; set AZURE_TENANT_ID to the directory's id."
    if number == "700016":
        return (
            f"The tenant {tenant} has no service principal {client!r}; check AZURE_CLIENT_ID and "
            "AZURE_TENANT_ID."
        )
    if "ManagedIdentityCredential" in text:
        return (
            "This machine has no managed identity, or not the one that AZURE_CLIENT_ID names; "
            f"assign one to it, or set {LOGIN} to another way."
        )
    if "az login" in text:
        return (
            "The Azure CLI is not logged in, or no longer; run az login, or set "
            f"{', '.join(PRINCIPAL)}."
        )
    reason = found[2] if found else text.partition(". ")[0]
    return f"Azure refuses to log in ({_short(reason)}); check {', '.join(PRINCIPAL[:2])}."


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= 200 else f"{line[:200]}..."
