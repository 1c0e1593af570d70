"""The directory (Microsoft Entra ID): tokens for service principals and managed identities.

Its errors are worded as the service words them.
Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import re
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import jwt

from tests.emulators.azureml.cloud import Refused
from tests.emulators.server import Answer, Request, Route
from tests.emulators.server import Refused as RefusedAs

HOST = "login.microsoftonline.com"
METADATA = "169.254.169.254"
"""Where a machine of the cloud asks for tokens of its identity."""


@dataclass(repr=False)
class Directory:
    """One tenant.

    Attributes:
        tenant: Its id.
        secrets: The secret of each service principal, by its id.
        ended: Secrets that were valid once.
        identity: Whether this machine has a managed identity.
        lifetime: How long tokens are valid from now on, in seconds.
        tokens: All that were given out.
    """

    tenant: str
    secrets: dict[str, str]
    ended: set[str] = field(default_factory=set)
    identity: bool = False
    lifetime: int = 3600
    tokens: list[str] = field(default_factory=list)

    def routes(self) -> list[tuple[str, str, Route]]:
        return [
            ("GET", rf"{HOST}/[\w-]+/discovery/instance", self._instance),
            ("GET", rf"{HOST}/([\w-]+)/v2\.0/\.well-known/openid-configuration", self._configure),
            ("POST", rf"{HOST}/([\w-]+)/oauth2/v2\.0/token", self._grant),
            ("GET", rf"{METADATA}/metadata/identity/oauth2/token", self._identity),
        ]

    def token(self, subject: str, audience: str) -> str:
        """Gives out a token."""
        now = int(time.time())
        claims = {"aud": audience, "iat": now, "nbf": now, "exp": now + self.lifetime}
        claims |= {"tid": self.tenant, "appid": subject, "oid": subject, "uti": uuid.uuid4().hex}
        made = jwt.encode(claims, secrets.token_hex(32), algorithm="HS256")
        self.tokens.append(made)
        return made

    def admit(self, request: Request) -> str:
        """Refuses a request without a valid token; tells who sent it."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer":
            raise Refused(401, "AuthenticationFailed", "Authentication failed.")
        if token not in self.tokens:
            raise Refused(401, "InvalidAuthenticationToken", "The access token is invalid.")
        claims = jwt.decode(token, options={"verify_signature": False, "verify_exp": False})
        if (ended := claims["exp"]) <= time.time():
            when, now = (
                time.strftime("%m/%d/%Y %I:%M:%S %p", time.gmtime(t)) for t in (ended, time.time())
            )
            raise Refused(
                401,
                "ExpiredAuthenticationToken",
                f"The access token expiry UTC time '{when}' is earlier than current UTC time "
                f"'{now}'.",
            )
        return str(claims["appid"])

    def _instance(self, request: Request, match: re.Match[str]) -> Answer:
        names = [HOST, "login.windows.net", "login.microsoft.com", "sts.windows.net"]
        hosts = {"preferred_network": HOST, "preferred_cache": HOST, "aliases": names}
        where = f"https://{HOST}/{self.tenant}/v2.0/.well-known/openid-configuration"
        return Answer.of({"tenant_discovery_endpoint": where, "metadata": [hosts]})

    def _configure(self, request: Request, match: re.Match[str]) -> Answer:
        self._known(match[1])
        base = f"https://{HOST}/{match[1]}"
        return Answer.of(
            {
                "issuer": f"{base}/v2.0",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            }
        )

    def _grant(self, request: Request, match: re.Match[str]) -> Answer:
        self._known(match[1])
        form = dict(parse_qsl(request.body.decode()))
        if form.get("grant_type") != "client_credentials":
            raise _refused(
                400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."
            )
        client = form["client_id"]
        if client not in self.secrets:
            raise _refused(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client}' was not found in the directory "
                f"'{self.tenant}'. This can happen if the application has not been installed by "
                "the administrator of the tenant or consented to by any user in the tenant.",
            )
        if form["client_secret"] in self.ended:
            raise _refused(
                401,
                "invalid_client",
                7000222,
                f"The provided client secret keys for app '{client}' are expired. Visit the Azure "
                "portal to create new keys for your app: https://aka.ms/NewClientSecret, or "
                "consider using certificate credentials for added security: "
                "https://aka.ms/certCreds.",
            )
        if form["client_secret"] != self.secrets[client]:
            raise _refused(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is "
                "the client secret value, not the client secret ID, for a secret added to app "
                f"'{client}'.",
            )
        audience = form["scope"].removesuffix("/.default")
        return Answer.of(self._given(self.token(client, audience)))

    def _identity(self, request: Request, match: re.Match[str]) -> Answer:
        if request.headers.get("Metadata") != "true":
            raise RefusedAs(Answer.of({"error": "invalid_request"}, 400))
        if not self.identity:
            told = {"error": "invalid_request", "error_description": "Identity not found"}
            raise RefusedAs(Answer.of(told, 400))
        token = self.token("the-machine", request.query["resource"])
        given = self._given(token)
        ended = str(int(time.time()) + self.lifetime)
        return Answer.of({**given, "expires_on": ended, "resource": request.query["resource"]})

    def _given(self, token: str) -> dict[str, Any]:
        return {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token}

    def _known(self, tenant: str) -> None:
        if tenant not in (self.tenant, "organizations", "common"):
            raise _refused(
                400,
                "invalid_tenant",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID "
                "and are signing into the correct cloud. Check with your subscription "
                "administrator, this may happen if there are no active subscriptions for the "
                "tenant.",
            )


def _refused(status: int, error: str, number: int, message: str) -> RefusedAs:
    trace, when = uuid.uuid4(), time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    told = {
        "error": error,
        "error_description": f"AADSTS{number}: {message} Trace ID: {trace} Correlation ID: "
        f"{trace} Timestamp: {when}",
        "error_codes": [number],
        "timestamp": when,
        "trace_id": str(trace),
        "correlation_id": str(trace),
    }
    return RefusedAs(Answer.of(told, status))
