"""What the machines of a cluster have in common: a runtime, Java, and some programs."""

import os
import sys
from pathlib import Path

from tests.emulators.tracking_server import clean_environment
from throughline.spark import java_home

RSYNC = """#!/bin/sh
# A cluster has rsync; of it, "rsync -a -v --ignore-existing FILE FOLDER" is used.
[ "$1 $2 $3" = "-a -v --ignore-existing" ] && exec cp -n "$4" "$5"
echo "rsync: unknown options $*" >&2; exit 1
"""


def machine_environment(machine: Path) -> dict[str, str]:
    """The variables of a process of the cluster whose storage is in this folder."""
    programs = machine / "programs"
    programs.mkdir(parents=True)
    (programs / "rsync").write_text(RSYNC)
    (programs / "rsync").chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {
        **clean_environment(),
        "PATH": path,
        "JAVA_HOME": java_home(),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "DATABRICKS_RUNTIME_VERSION": "15.4",
    }
