"""URIs without who logs in by them: what may be shown, or logged."""

import re

_LOGIN = re.compile(r"(?<=://)[^/\s]*@")
"""The name, and perhaps a password, that stand before a URI's host."""


def without_login(uri: str) -> str:
    """A URI without the name and the password that stand before its host."""
    return _LOGIN.sub("", uri)
