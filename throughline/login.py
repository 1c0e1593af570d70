"""URIs without their logins and other secrets: what may be shown, or logged."""

import re

_LOGIN = re.compile(r"(?<=://)[^/\s]*@")
"""The name, and perhaps a password, that stand before a URI's host."""
_SECRET = re.compile(
    r"(?<=[?&])((?:password|passwd|pwd|token|access_token|sig|sslpassword)=)[^&\s]*", re.IGNORECASE
)
"""A password or a token among the query's values, as SQLAlchemy and Azure's storage take them."""


def without_login(uri: str) -> str:
    """A URI without the name and the password before its host, and without those in its query."""
    return _SECRET.sub(r"\1...", _LOGIN.sub("", uri))
