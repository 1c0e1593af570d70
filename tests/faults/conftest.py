"""The fixtures of all faults: chains that have not run, and one that nothing struck."""

import fcntl
import json
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from tests.faults.chain import STEPS, Chain, Moment, Reference, made_by
from tests.faults.postgres import postgres
from tests.faults.server import TrackingServer
from tests.scheduling import FAULTS
from tests.steps.conftest import PROJECT, free_port
from throughline.recipe.file import load_recipe


@pytest.fixture
def strikes(record_property: Callable[[str, object], None]) -> Callable[[int], None]:
    """Notes how many faults a test lets strike."""
    return lambda count: record_property(FAULTS, count)


@pytest.fixture(scope="session")
def moments(pytestconfig: pytest.Config) -> int:
    """How often each fault strikes."""
    count = int(pytestconfig.getoption("--fault-moments"))
    if not count:
        pytest.skip("no fault strikes at --fault-moments=0")
    return count


@pytest.fixture(scope="session")
def draw(pytestconfig: pytest.Config) -> Callable[..., Moment]:
    """Draws moments in some of the steps; another seed draws others."""
    seed = pytestconfig.getoption("--fault-seed") or int(time.time())
    print(f"\n--fault-seed={seed}")
    chance = random.Random(seed)  # noqa: S311 (no secret)
    return lambda *steps: Moment(STEPS.index(chance.choice(steps or STEPS)), chance.uniform(0, 0.8))


def copy_store(empty: Path, copy: Path, artifacts: str) -> None:
    """Copies an empty store for artifacts that lie elsewhere."""
    shutil.copy(empty, copy)
    with sqlite3.connect(copy) as database:
        database.execute("UPDATE experiments SET artifact_location = ?", [artifacts])


@pytest.fixture(scope="session")
def make_chain(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path
) -> Iterator[Callable[..., Chain]]:
    """Makes a chain that has not run; all are ended at the end."""
    made: list[Chain] = []

    def make(store: str | None = None) -> Chain:
        folder = tmp_path_factory.mktemp("chain")
        recipe = load_recipe(PROJECT / "recipes/wine.yaml").model_dump(mode="json", by_alias=True)
        del recipe["search"]
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        if store is None:
            copy_store(empty_store, folder / "mlflow.db", f"{folder}/mlruns/0")
        made.append(Chain(folder, free_port(), store or f"sqlite:///{folder}/mlflow.db"))
        return made[-1]

    yield make
    for chain in made:
        if (chain.folder / "data").exists():  # else its disk is gone, and it was ended before
            chain.stop()
        shutil.rmtree(chain.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackingServer]:
    """A tracking server on PostgreSQL that serves artifacts as well."""
    folder = tmp_path_factory.mktemp("server")
    with postgres() as url, TrackingServer(folder, url, workers=2).serving() as made:
        yield made


@pytest.fixture(scope="session")
def reference(
    moments: int,
    make_chain: Callable[..., Chain],
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> Reference:
    """A chain that nothing struck; one for all processes that share the tests."""
    folder = tmp_path_factory.getbasetemp()
    kept = (folder.parent if hasattr(pytestconfig, "workerinput") else folder) / "reference.json"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_text(json.dumps(asdict(made_by(make_chain()))))
    return Reference(**json.loads(kept.read_text()))
