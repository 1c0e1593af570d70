"""One of many clients: makes runs with keys and artifacts, finds them, registers, takes a role."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow

from throughline.caching.cache import KEY, RECORD, find
from throughline.caching.key import Key
from throughline.registry.champions import make_champion
from throughline.tracking import step_run

NAME = "many"
STEP = "register"


def key_of(number: int) -> Key:
    """A key that all clients share."""
    return Key(STEP, {"parameters": {"number": str(number)}})


def work(number: int) -> None:
    """One run: twenty values of a metric, a file of 200 kB, a key, a version, a role."""
    key = key_of(number)
    with step_run(STEP) as run, TemporaryDirectory() as folder:
        assert find(key).why in ("", "the first time", "parameters changed: number")
        for step in range(20):
            mlflow.log_metric("loss", 19.0 - step, step=step)
        file = Path(folder, "model.bin")
        file.write_bytes(bytes([number]) * 200_000)
        mlflow.log_artifact(str(file))
        mlflow.log_text(json.dumps({"parts": key.parts, "results": {}}), RECORD)
        mlflow.set_tag(KEY, key.digest)
    client = mlflow.MlflowClient()
    version = client.create_model_version(NAME, f"{run.info.artifact_uri}/model.bin")
    make_champion(NAME, str(version.version))
    read = mlflow.artifacts.download_artifacts(f"{run.info.artifact_uri}/model.bin")
    assert Path(read).read_bytes() == bytes([number]) * 200_000


def main() -> None:
    """Makes the experiment and the model (no rounds), or works so many rounds."""
    if len(sys.argv) < 3:
        mlflow.set_experiment("many")
        mlflow.MlflowClient().create_registered_model(NAME)
        return
    for number in range(int(sys.argv[1])):
        work(number)


if __name__ == "__main__":
    main()
