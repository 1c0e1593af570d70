"""A cluster that Azure ML makes on Databricks for one step: what is sent to it is executed.

The step's snapshot is copied to DBFS, and the script gets what Azure ML adds to its arguments: the
values of pipeline parameters, by their names in capitals, and what a run needs to call back.
Storage is a folder of this machine, as in the emulator of Databricks.
Source: the documentation of ``DatabricksStep``; for the names in capitals, the issue 1218 of
https://github.com/Azure/MachineLearningNotebooks.
"""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.emulators.databricks.jobs import DRIVER, STORAGE

CLUSTER = {
    "spark_version",
    "node_type_id",
    "instance_pool_id",
    "num_workers",
    "min_workers",
    "max_workers",
    "spark_env_vars",
    "spark_conf",
    "existing_cluster_id",
    "permit_cluster_restart",
}
OTHERS = {"run_name", "timeout_seconds", "pypi_libraries", "compute_name"}
"""What a step may say besides its cluster."""
_PREFIX = "_AML_PARAMETER_"


@dataclass(repr=False)
class Cluster:
    """Where steps run.

    Attributes:
        machine: The storage's folder.
        environment: The variables of the processes.
    """

    machine: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(
        self, run_id: str, said: dict[str, str], told: dict[str, str]
    ) -> "subprocess.Popen[bytes]":
        """Starts the script of a step, whose snapshot is on DBFS already.

        Args:
            run_id: The step's run, after which its folder on DBFS is named.
            said: The parameters of its module.
            told: What Azure ML adds to the arguments.
        """
        snapshot = self.snapshot(run_id)
        script = self.machine / f"{run_id}.py"
        text = (snapshot / said["python_script_name"]).read_text(encoding="utf-8")
        script.write_text(self._here(text), encoding="utf-8")
        told = {"AZUREML_SCRIPT_DIRECTORY_NAME": snapshot.name, **told}
        words = [*arguments(said), *(word for name in told for word in (f"--{name}", told[name]))]
        variables = dict(one.split("=", 1) for one in _list(said.get("spark_env_vars", "")))
        with self.log(run_id).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-P", str(DRIVER), str(script), *map(self._here, words)],
                cwd=self.machine,
                env={**self.environment, **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def snapshot(self, run_id: str) -> Path:
        """Where the files of a step are."""
        return self.machine / "dbfs" / run_id

    def log(self, run_id: str) -> Path:
        """What a step printed."""
        return self.machine / f"{run_id}.log"

    def _here(self, text: str) -> str:
        return STORAGE.sub(str(self.machine), text)


def arguments(said: dict[str, str]) -> list[str]:
    """The arguments of a script: a name of a pipeline parameter stands before its default."""
    values = {name.removeprefix(_PREFIX): v for name, v in said.items() if name.startswith(_PREFIX)}
    words = [word.replace("|-", "|") for word in said.get("python_script_params", "").split("||")]
    found, left = [], iter(words)
    for word in left:
        if word in values:
            next(left)
            found += [f"--{word.upper()}", values[word]]
        else:
            found.append(word)
    return found


def check_cluster(said: dict[str, str]) -> str:
    """What is wrong with a step's cluster and libraries; empty if nothing is."""
    if unknown := sorted(set(said) - CLUSTER - OTHERS):
        return f"Unknown parameters {unknown}."
    if "existing_cluster_id" in said:
        both = sorted(set(said) & CLUSTER - {"existing_cluster_id", "permit_cluster_restart"})
        return f"An existing cluster, and {both}." if both else ""
    if "spark_version" not in said or not {"node_type_id", "instance_pool_id"} & set(said):
        return "The cluster lacks its version or its node type."
    sized = "num_workers" in said or {"min_workers", "max_workers"} <= set(said)
    if not sized:
        return "The cluster lacks its size."
    for pair in (*_list(said.get("spark_env_vars", "")), *_list(said.get("spark_conf", ""))):
        if "=" not in pair:
            return f"{pair!r} is no pair."
    for library in _list(said.get("pypi_libraries", "")):
        if not library.startswith("package="):
            return f"{library!r} is no library."
    return ""


def _list(text: str) -> list[str]:
    return text.split(";") if text else []
