"""Paths on a cluster of Databricks, where Spark and Python do not mean the same by one.

To Spark a path without a scheme is one of DBFS, and ``dbfs:/x`` is at ``/dbfs/x`` for Python. Under
``file:///dbfs/x`` both find it, on every machine of the cluster. Volumes have one path for both.
Source: https://docs.databricks.com/aws/en/files ("Work with files on Databricks").
"""

import os

from throughline.errors import UserError

_SAME_FOR_BOTH = ("/Volumes/", "/Workspace/")


def on_databricks() -> bool:
    """Whether this process runs on a cluster of Databricks."""
    return "DATABRICKS_RUNTIME_VERSION" in os.environ


def for_python(path: str) -> str:
    """The path by which Python finds what ``dbfs:/...`` names; other paths as they are.

    Raises:
        UserError: If this machine has no DBFS.
    """
    if not path.startswith("dbfs:/"):
        return path
    if not on_databricks():
        raise UserError(
            f"{path} is on DBFS, which only a cluster of Databricks reaches; give a folder of this "
            "machine, or a URI."
        )
    return f"/dbfs/{path.removeprefix('dbfs:').lstrip('/')}"


def seen_by_python(path: str) -> str:
    """The path by which Python finds what Spark reads there; URIs as they are.

    Raises:
        UserError: If this machine has no DBFS.
    """
    if not on_databricks() or "://" in path or path.startswith(_SAME_FOR_BOTH):
        return for_python(path)
    return for_python(f"dbfs:/{path.removeprefix('dbfs:').lstrip('/')}")


def for_spark(path: str) -> str:
    """An absolute path by which Spark finds what Python has there; URIs as they are."""
    if not on_databricks() or "://" in path or path.startswith(_SAME_FOR_BOTH):
        return path
    return f"file://{path}"
