"""Steps as processes of this machine, started through ``mlflow run``."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from throughline.errors import UserError
from throughline.launcher import as_launcher
from throughline.step import child_errors


@dataclass(frozen=True)
class LocalBackend:
    """Runs each step in a process of its own.

    Attributes:
        env_manager: Handed to every step: ``mlflow run`` does not pass its own on.
    """

    env_manager: str

    def run(self, step: str, parameters: dict[str, str]) -> str:
        """Runs an entry point of the project; see ``Backend.run``."""
        from throughline.spark import java_home

        java_home()  # a missing one is told before the step's own seconds of start-up
        return run_project(".", step, parameters, env_manager=self.env_manager)

    def deploys_to(self) -> str:
        """An endpoint on this machine."""
        return "local"

    def shares_data(self) -> bool:
        """Yes: this machine's."""
        return True


def run_project(
    uri: str,
    step: str,
    parameters: dict[str, str],
    error_file: Path | None = None,
    **options: object,
) -> str:
    """Runs an entry point of an MLflow project on this machine, below the active run.

    Args:
        uri: The project's folder.
        step: The entry point.
        parameters: Its parameters.
        error_file: Where the step was told to write a user's mistake; left out, it is told here.
        options: More arguments of ``mlflow.projects.run``.

    Returns:
        The run's id.

    Raises:
        UserError: If the step ended with a user's mistake.
        RuntimeError: If it ended in another way than well.
    """
    import mlflow
    from mlflow.exceptions import ExecutionException

    active = mlflow.active_run()
    with nullcontext(error_file) if error_file else child_errors() as mistake, as_launcher():
        try:
            submitted = mlflow.projects.run(
                uri,
                entry_point=step,
                parameters=parameters,
                experiment_id=active.info.experiment_id if active else None,
                run_name=step,
                **options,
            )
        except ExecutionException as error:
            if mistake.exists():
                raise UserError(mistake.read_text(encoding="utf-8")) from None
            raise RuntimeError(f"{error}; what it printed is above.") from None
    return str(submitted.run_id)
