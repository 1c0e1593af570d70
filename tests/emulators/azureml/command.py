"""The command az, of which clients use ``az account get-access-token``."""

import sys
from pathlib import Path

_AZ = """#!{python}
import json, pathlib, sys

ASKED = ["account", "get-access-token", "--output", "json", "--resource"]
if sys.argv[1:6] != ASKED or len(sys.argv) != 7:
    sys.exit(f"ERROR: unrecognized arguments: {{' '.join(sys.argv[1:])}}")
token = pathlib.Path({token!r})
if not token.exists():
    sys.exit("ERROR: Please run 'az login' to setup account.")
told = {{"accessToken": token.read_text(), "expires_on": {ended}, "tokenType": "Bearer"}}
print(json.dumps({{**told, "expiresOn": "2099-01-01 00:00:00.000000", "tenant": {tenant!r}}}))
"""


def write_az(folder: Path, tenant: str, ended: int) -> Path:
    """Writes the command.

    Args:
        folder: Where it is to be; its file ``token`` is what a login left.
        tenant: Whose token that is.
        ended: When it ends, in seconds since 1970.

    Returns:
        Where a login's token goes.
    """
    folder.mkdir()
    token = folder / "token"
    text = _AZ.format(python=sys.executable, token=str(token), ended=ended, tenant=tenant)
    (folder / "az").write_text(text)
    (folder / "az").chmod(0o755)
    return token
