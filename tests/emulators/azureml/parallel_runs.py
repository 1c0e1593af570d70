"""Steps that score files on a cluster of machines: the uploaded entry script is run on them.

The snapshot is copied to a folder of the step, a dataset's files to another one, as if they were
mounted; what the script leaves goes to the datastore, and its logs to the step's run.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.emulators.azureml.artifacts import Artifacts
from tests.emulators.azureml.computes import Computes
from tests.emulators.azureml.datastores import CONTAINER, NAME, Datastores
from tests.emulators.tracking_server import clean_environment

TYPE = "escloud"
_DRIVER = Path(__file__).parent / "container" / "parallel_run.py"
_SCRIPT = "driver/amlbi_main.py"


@dataclass(repr=False)
class ParallelRuns:
    """Where such steps run.

    Attributes:
        computes: The computes, of which clusters of machines are taken.
        artifacts: Where logs go.
        datastores: Where files come from and go to.
        folder: The steps' folders.
    """

    computes: Computes
    artifacts: Artifacts
    datastores: Datastores
    folder: Path

    def check(self, module: dict[str, Any], said: dict[str, str]) -> str:
        """What is wrong with a step; empty if nothing is."""
        if module["StepType"] != "ParallelRunStep" or said["Script"] != _SCRIPT:
            return f"Unknown step {module['StepType']}."
        if said["Target"] not in self.computes.attached:
            return f"Compute {said['Target']} not found."
        return ""

    def code(self, step: str) -> Path:
        """Where the snapshot of a step goes."""
        return self.folder / step / "code"

    def start(
        self, step: str, module: dict[str, Any], datasets: dict[str, str]
    ) -> "subprocess.Popen[bytes]":
        """Starts the driver of a step.

        Args:
            step: The step's run.
            module: Its module, as it was sent.
            datasets: The ids of the datasets by the inputs.
        """
        place, variables = self.folder / step, {}
        for name, dataset in datasets.items():
            variables[f"AZUREML_DATAREFERENCE_{name}"] = str(place / "input" / name)
            for path, content in self.datastores.files(dataset).items():
                file = place / "input" / name / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        words = [self._word(place, one) for one in module["StructuredInterface"]["Arguments"]]
        (place / "logs").mkdir()
        with (place / "log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-P", str(_DRIVER), str(place / "logs"), *words],
                cwd=self.code(step),
                env={**clean_environment(), "OMP_NUM_THREADS": "1", **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self, step: str) -> dict[str, str]:
        """Keeps what a step left; returns the addresses of its logs by their names."""
        place, logs = self.folder / step, {}
        for file in _files(place / "output"):
            path = file.relative_to(place / "output")
            self.datastores.blobs[f"azureml/{step}/{path}"] = file.read_bytes()
        for file in _files(place / "logs"):
            name = f"logs/{file.relative_to(place / 'logs')}"
            logs[name] = self._keep(step, name, file)
        self._keep(step, "user_logs/std_log.txt", place / "log")  # of those another call tells
        return logs

    def outputs(self, step: str, module: dict[str, Any]) -> dict[str, Any]:
        """Where a step's outputs are, as the service tells it."""
        return {
            one["Name"]: _reference(f"azureml/{step}/{one['Name']}")
            for one in module["StructuredInterface"]["Outputs"]
            if not one["SkipProcessing"]
        }

    def _keep(self, step: str, name: str, file: Path) -> str:
        blob = f"ExperimentRun/dcid.{step}/{name}"
        self.artifacts.blobs[blob] = file.read_bytes()
        return self.artifacts.address(blob)

    def _word(self, place: Path, said: dict[str, str]) -> str:
        if said["ValueType"] == "Output":
            return str(place / "output" / said["Value"])
        assert said["ValueType"] == "Literal", said
        return said["Value"]


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _reference(path: str) -> dict[str, Any]:
    blob = {"RelativePath": path, "AmlDataStoreName": NAME, "Container": CONTAINER}
    reference = {"Type": "AzureBlob", "AzureBlobReference": blob}
    return {"DataTypeId": "AnyFile", "DataLocation": {"DataReference": reference}}
