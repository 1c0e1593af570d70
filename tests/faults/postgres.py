"""A PostgreSQL server of a test's own, on a free port of this machine."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.steps.conftest import free_port


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Serves an empty database during the block; gives its SQLAlchemy URL."""
    missing = [name for name in ("initdb", "pg_ctl") if shutil.which(name) is None]
    if missing:
        pytest.skip("PostgreSQL (Debian's package postgresql) is not installed: NOT TESTED HERE")
    data, port = folder / "pg", free_port()
    as_owner = []
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        as_owner = ["runuser", "-u", "postgres", "--"]
        data.mkdir()
        shutil.chown(data, "postgres")

    def do(*command: str) -> None:
        for above in [folder, *folder.parents][: 4 if as_owner else 0]:
            above.chmod(above.stat().st_mode | 0o111)  # each start of pytest closes them to others
        done = subprocess.run([*as_owner, *command], capture_output=True, text=True, cwd=data)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"

    do("initdb", "-D", str(data), "-U", "mlflow", "--auth=trust", "--no-sync")
    settings = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off"
    do("pg_ctl", "-D", str(data), "-l", str(data / "log"), "-w", "-o", settings, "start")
    try:
        yield f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/postgres"
    finally:
        do("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
