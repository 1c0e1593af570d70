"""Steps in this process, where a child could not reach Spark: in a job on Databricks."""

import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from throughline.dbfs import on_databricks
from throughline.tracking import PARENT


class InProcessBackend:
    """Calls each step's ``main``, with a run of its own as ``mlflow run`` would have made it."""

    @classmethod
    def open(cls) -> "InProcessBackend":
        """Looks, on Databricks, whether the chain can come to its end.

        Raises:
            UserError: If its models could not be registered.
        """
        if on_databricks():
            from throughline.databricks.checks import check_registry

            check_registry()
        return cls()

    def run(self, step: str, parameters: dict[str, str]) -> str:
        """Runs an entry point; see ``Backend.run``."""
        main = _main_of(Path("steps", f"{step}.py"))
        with _nested_run(step, parameters) as run_id:
            main([part for name, value in parameters.items() for part in (f"--{name}", value)])
        return run_id

    def deploys_to(self) -> str:
        """A serving endpoint of the workspace on Databricks, else one of this machine."""
        return "databricks" if on_databricks() else "local"

    def shares_data(self) -> bool:
        """Yes: this process is the step's."""
        return True


def _main_of(script: Path) -> Callable[[Sequence[str]], None]:
    spec = importlib.util.spec_from_file_location(f"steps_{script.stem}", script)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"there is no step {script}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    main: Callable[[Sequence[str]], None] = module.main
    return main


@contextmanager
def _nested_run(step: str, parameters: dict[str, str]) -> Iterator[str]:
    """Makes a run below the active one, which the step inside takes for its own."""
    import mlflow
    from mlflow.entities import Param
    from mlflow.utils.mlflow_tags import MLFLOW_PROJECT_ENTRY_POINT

    active = mlflow.active_run()
    if active is None:
        raise RuntimeError("steps in this process need an active run")
    client = mlflow.MlflowClient()
    tags = {PARENT: active.info.run_id, MLFLOW_PROJECT_ENTRY_POINT: step}
    run = client.create_run(active.info.experiment_id, tags=tags, run_name=step)
    run_id = str(run.info.run_id)
    client.log_batch(run_id, params=[Param(name, value) for name, value in parameters.items()])
    os.environ["MLFLOW_RUN_ID"] = run_id
    try:
        yield run_id
    finally:
        os.environ.pop("MLFLOW_RUN_ID", None)
        if client.get_run(run_id).info.status == "RUNNING":  # it failed before its work began
            client.set_terminated(run_id, "FAILED")
