"""The files of a logged model: what they say of the rows it reads and of what it answers."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from throughline.contract.contract import Contract
from throughline.errors import UserError
from throughline.features.plan import Input
from throughline.models.served import contract_in


@dataclass(frozen=True)
class ModelFiles:
    """A model's files in a local folder.

    Attributes:
        uri: Where the model came from.
        folder: The model's folder.
        served: The folder of the served model in it, relative to it.
        inputs: The columns that it reads.
        answers: The columns that it answers with: ``long``, ``double`` or ``string``.
        contract: What its training rows were like, if it says.
    """

    uri: str
    folder: Path
    served: str
    inputs: tuple[Input, ...]
    answers: dict[str, str]
    contract: Contract | None

    @classmethod
    @contextmanager
    def find(cls, model: str, alias: str) -> Iterator["ModelFiles"]:
        """Finds a model and reads its files, which are there while the block runs.

        Args:
            model: The name of a registered model, or a URI as MLflow has it.
            alias: Which version of a registered model.

        Raises:
            UserError: If there is no such model, it is none of this project, or it may not be
                loaded.
        """
        with tempfile.TemporaryDirectory() as scratch:
            uri, folder = _files_of(model, alias, Path(scratch) / "model")
            yield cls.read(uri, Path(folder))

    @classmethod
    def read(cls, uri: str, folder: Path) -> "ModelFiles":
        """Reads the files in ``folder``, those of its estimator left aside.

        Raises:
            UserError: If they are no model of this project.
        """
        from mlflow.exceptions import MlflowException
        from mlflow.models import Model

        try:
            model = Model.load(str(folder))
        except MlflowException:
            model = Model()
        artifacts = model.flavors.get("python_function", {}).get("artifacts") or {}
        if "served" not in artifacts or model.signature is None:
            raise UserError(
                f"The model {uri} was not trained by a step of this project; give the name or URI "
                "of one that was."
            )
        served = str(artifacts["served"]["path"])
        plan = json.loads((folder / served / "plan.json").read_text(encoding="utf-8"))
        return cls(
            uri=uri,
            folder=folder,
            served=served,
            inputs=tuple(Input.model_validate(column) for column in plan["inputs"]),
            answers={str(c.name): str(c.type.name) for c in model.signature.outputs},
            contract=contract_in(folder / served),
        )


def _files_of(model: str, alias: str, into: Path) -> tuple[str, str]:
    from throughline.deployment.versions import fetch, fetch_uri, resolve

    if ":/" in model:
        return fetch_uri(model, into)
    version = resolve(model, alias)
    return version.uri, fetch(version, into)
