"""Whether this machine has what an environment manager of ``mlflow run`` calls.

``python -m throughline.packaging.environments conda`` asks for one of them.
"""

import os
import shutil
import sys
from pathlib import Path

from throughline.checkout import project_root
from throughline.errors import UserError
from throughline.packaging import conda_lock
from throughline.step import run_step


def check_env_manager(name: str, project: Path) -> None:
    """Finds, before a step is started, why its environment could not be made.

    Args:
        name: As ``mlflow run --env-manager`` has it.
        project: The project's root.

    Raises:
        UserError: If there is no such manager, its program is missing, or conda would install
            other packages than the lock says.
    """
    if name == "local":
        return
    if name not in MANAGERS:
        raise UserError(
            f"There is no environment manager {name!r}: choose one of local, {', '.join(MANAGERS)}."
        )
    MANAGERS[name](project)


def _check_uv(_project: Path) -> None:
    if not shutil.which("uv"):
        raise UserError("The environment manager uv was chosen and there is no uv: install it.")


def _check_virtualenv(_project: Path) -> None:
    if not shutil.which("pyenv"):
        raise UserError(
            "The environment manager virtualenv was chosen and there is no pyenv, from which "
            "MLflow takes Python: install it, or choose uv."
        )


def _check_conda(project: Path) -> None:
    """Looks where MLflow does: MLFLOW_CONDA_HOME, beside CONDA_EXE, then PATH.

    Found on PATH alone, MLflow activates by the older program ``activate`` (seen in its 3.15).
    """
    home, program = os.environ.get("MLFLOW_CONDA_HOME"), os.environ.get("CONDA_EXE")
    if home:
        needed = [str(Path(home, "bin", "conda"))]
    else:
        needed = [str(Path(program).with_name("conda"))] if program else ["conda", "activate"]
    if not all(shutil.which(one) for one in needed):
        raise UserError(
            "The environment manager conda was chosen and no conda was found: install one and set "
            "MLFLOW_CONDA_HOME to its folder, or choose uv, which comes with this environment."
        )
    conda_lock.check(project)


MANAGERS = {"virtualenv": _check_virtualenv, "uv": _check_uv, "conda": _check_conda}


if __name__ == "__main__":
    run_step(lambda: check_env_manager(sys.argv[1], project_root()))
