"""URIs without their logins and other secrets: what may be shown, or logged."""

import re

_LOGIN = re.compile(r"(?<=://)[^/\s]*@")
"""The name, and perhaps a password, that stand before a URI's host."""
_LOGIN_OF_DATABASE = re.compile(r"((?:postgresql|mysql|mssql)[+\w]*://)[^:/\s]*:\S*@")
"""The same with a password that holds a slash, which SQLAlchemy takes as it is."""
_SECRET = re.compile(
    r"(?<=[?&])((?:password|passwd|pwd|token|access_token|sig|sslpassword)=)[^&\s]*", re.IGNORECASE
)
"""A password or a token among the query's values, as SQLAlchemy and Azure's storage take them."""
_CONTAINER_FIRST = ("abfs:", "abfss:", "wasb:", "wasbs:")
"""Of these, what stands before the host is no login; a signature is refused where they are read."""


def without_login(uri: str) -> str:
    """A URI without the name and the password before its host, and without those in its query."""
    shown = _SECRET.sub(r"\1...", uri)
    return _LOGIN.sub("", _LOGIN_OF_DATABASE.sub(r"\1", shown))


def login_in_table(table: str) -> str:
    """Says why a table's address may not be used: recipes and parameters are logged.

    Returns:
        A sentence; empty if there is no login in it.
    """
    if table.startswith(_CONTAINER_FIRST) or without_login(table) == table:
        return ""
    return (
        f"the address {without_login(table)} had a login or a signature in it, which would be "
        "logged; leave it out, and copy the table to where it is read without one"
    )
