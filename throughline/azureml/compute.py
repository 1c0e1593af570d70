"""The computes of a workspace by their names: which names there can be, and what is there."""

import re
from typing import TYPE_CHECKING

from throughline.azureml.refusals import refusals
from throughline.errors import UserError

if TYPE_CHECKING:
    from azureml.core import Workspace
    from azureml.core.compute import ComputeTarget

_NAME = re.compile(r"[A-Za-z](?![A-Za-z0-9-]*-\d+$)[A-Za-z0-9-]{2,15}")
"""Source: "Compute - Create Or Update" of the service's REST reference; 16 characters at most."""
_GONE = "ComputeTargetNotFound"


def check_name(name: str) -> None:
    """Refuses what can be no compute's name.

    Raises:
        UserError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} is no name for a compute; give 3 to 16 letters, digits and '-', beginning "
            "with a letter, with no '-' before a number at its end."
        )


def find_compute(workspace: "Workspace", name: str) -> "ComputeTarget | None":
    """The compute of that name, of whatever kind; None if there is none.

    Raises:
        UserError: The service refuses to tell.
    """
    from azureml.core.compute import ComputeTarget
    from azureml.exceptions import ComputeTargetException

    with refusals(f"to show the compute {name}"):
        try:
            return ComputeTarget(workspace, name)
        except ComputeTargetException as error:
            if _GONE in str(error):
                return None
            raise
