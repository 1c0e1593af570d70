"""What a Databricks runtime gives ``databricks.sdk.runtime``: the names of a notebook.

The workspace is in the folder that THROUGHLINE_TEST_WORKSPACE names.
"""

import os
from pathlib import Path
from typing import Any

from tests.emulators.databricks.dbutils import Dbutils

__all__ = ["UserNamespaceInitializer"]


class UserNamespaceInitializer:
    @classmethod
    def getOrCreate(cls) -> "UserNamespaceInitializer":
        return cls()

    def get_namespace_globals(self) -> dict[str, Any]:
        return {"dbutils": Dbutils(Path(os.environ["THROUGHLINE_TEST_WORKSPACE"]))}
