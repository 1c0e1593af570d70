"""A PostgreSQL server of a test's own, on a free port of this machine."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import pytest

from tests.steps.conftest import free_port


@contextmanager
def postgres() -> Iterator[str]:
    """Serves an empty database during the block; gives its SQLAlchemy URL."""
    missing = [name for name in ("initdb", "pg_ctl") if shutil.which(name) is None]
    if missing:
        pytest.skip("PostgreSQL (Debian's package postgresql) is not installed: NOT TESTED HERE")
    # not below pytest's folder, which each start of pytest closes to other users
    with TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as data:
        as_owner, port = [], free_port()
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            as_owner = ["runuser", "-u", "postgres", "--"]
            shutil.chown(data, "postgres")

        def do(*command: str) -> None:
            done = subprocess.run([*as_owner, *command], capture_output=True, text=True, cwd=data)
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"

        do("initdb", "-D", data, "-U", "mlflow", "--auth=trust", "--no-sync")
        settings = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off"
        do("pg_ctl", "-D", data, "-l", f"{data}/log", "-w", "-o", settings, "start")
        try:
            yield f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/postgres"
        finally:
            do("pg_ctl", "-D", data, "-m", "immediate", "stop")
