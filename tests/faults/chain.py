"""A whole chain on a tiny table, its processes, and what must hold whatever struck it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import psutil
import requests

from tests.steps.conftest import PROJECT
from throughline.deployment.client import EndpointClient
from throughline.outputs import MANIFEST, Output
from throughline.tracking import CANDIDATE

NAME = "wine-grower"
STEPS = ("prep", "train", "register", "deploy")
OF_ROWS = re.compile("(validation|test)_")
"""What a metric is called that the rows alone decide."""
MARK = "THROUGHLINE_FAULTS"
"""Tells the processes of a chain: its folder, in their environment."""


def wait_for(happened: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Polls until something has happened."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)


@dataclass(frozen=True, order=True)
class Moment:
    """A moment of a chain.

    Attributes:
        place: The number of its step.
        share: How much of the step's time has gone by.
    """

    place: int
    share: float

    @property
    def step(self) -> str:
        return STEPS[self.place]


@dataclass(frozen=True)
class Reference:
    """What a chain that nothing struck took and made.

    Attributes:
        seconds: How long its steps took, by step.
        figures: The champion's figures on the test rows.
        answer: What its endpoint answers to its own example.
        metrics: Each candidate's metrics.
    """

    seconds: dict[str, float]
    figures: dict[str, str]
    answer: object
    metrics: dict[str, dict[str, float]]


@dataclass
class Chain:
    """A chain's recipe, store, data and endpoint; runs of it, one after the other.

    Attributes:
        store: Its tracking store.
    """

    folder: Path
    port: int
    store: str

    @property
    def environment(self) -> dict[str, str]:
        programs = str(Path(sys.executable).parent)
        return os.environ | {
            "MLFLOW_TRACKING_URI": self.store,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "GIT_PYTHON_REFRESH": "quiet",
            "THROUGHLINE_SPARK_MEMORY": "1g",
            MARK: str(self.folder),
        }

    @property
    def command(self) -> list[str]:
        options = {"recipe": self.folder / "recipe.yaml", "data_root": self.folder / "data"}
        given = [f"{name}={value}" for name, value in {**options, "port": self.port}.items()]
        words = [word for one in given for word in ("-P", one)]
        return ["mlflow", "run", str(PROJECT), "--env-manager", "local", *words]

    @property
    def client(self) -> mlflow.MlflowClient:
        """A client of its store, by where that lies now: MLflow keeps files open by their names."""
        _, is_file, place = self.store.partition("sqlite:///")
        store = f"{is_file}{Path(place).resolve()}" if is_file else self.store
        return mlflow.MlflowClient(store, store)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> "subprocess.Popen[bytes]":
        """Starts the chain as a shell does: in a process group of its own."""
        with self.log.open("wb") as out:
            return subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.folder,
                stdout=out,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def run(self) -> str:
        """Runs the chain to its end, which is a good one; returns what it printed."""
        code = self.start().wait(600)
        said = self.log.read_text()
        assert code == 0, said[-4000:]
        return said

    def processes(self) -> list[psutil.Process]:
        """What runs of this chain, but for the endpoint's server."""
        return [one for one, serves in self._running() if not serves]

    def servers(self) -> list[psutil.Process]:
        """What serves, or begins to."""
        return [one for one, serves in self._running() if serves]

    def _running(self) -> Iterator[tuple[psutil.Process, bool]]:
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.folder):
                    yield process, "throughline.deployment.serve" in process.cmdline()
            except psutil.Error:
                continue

    def process_of(self, launcher: int, script: str) -> psutil.Process | None:
        """The process of a step's script below a launcher."""
        try:
            below = psutil.Process(launcher).children(recursive=True)
            return next((p for p in below if f"steps/{script}.py" in p.cmdline()), None)
        except psutil.Error:
            return None

    def reaches(
        self, launcher: "subprocess.Popen[bytes]", when: Moment, reference: Reference
    ) -> psutil.Process | None:
        """Waits for a moment of the chain, or one in a later step if it is past that.

        Returns:
            The process of the step; None if the chain ended before.
        """
        while launcher.poll() is None:
            for step in STEPS[STEPS.index(when.step) :]:
                if process := self.process_of(launcher.pid, step):
                    began = process.create_time() - time.time()
                    time.sleep(max(0, began + when.share * reference.seconds[step]))
                    return process
            time.sleep(0.05)
        return None

    def versions(self) -> list[str]:
        found = self.client.search_model_versions(f"name = '{NAME}'")
        return sorted(str(version.version) for version in found)

    def champion(self) -> str:
        """The champion's version; fails if there is none."""
        return str(self.client.get_model_version_by_alias(NAME, "champion").version)

    def figures(self) -> dict[str, str]:
        """The champion's figures on the test rows, to the last digit that is kept."""
        tags = self.client.get_model_version(NAME, self.champion()).tags
        return {name: value for name, value in tags.items() if name.startswith("test_")}

    def answer(self) -> object:
        """What the endpoint answers to its own example."""
        url = f"http://127.0.0.1:{self.port}"
        request = requests.get(f"{url}/example", timeout=30).json()
        return EndpointClient(url).predict(request)

    def metrics(self) -> dict[str, dict[str, float]]:
        """Each candidate's metrics; of what takes its time or memory only that it is there."""
        found = self.client.search_runs(["0"], f"tags.`{CANDIDATE}` != ''")
        told = {run.data.tags[CANDIDATE]: run.data.metrics for run in found}
        assert len(told) == len(found)
        return {
            title: {name: value if OF_ROWS.match(name) else 0.0 for name, value in one.items()}
            for title, one in told.items()
        }

    def check_nothing_is_left(self) -> None:
        """No process goes on, every output that counts is whole, no alias points at nothing."""
        wait_for(lambda: not self.processes(), f"left: {self.processes()}", 60)
        for manifest in (self.folder / "data").rglob(MANIFEST):
            assert not Output(str(manifest.parent)).damage()
        models = self.client.search_registered_models()
        assert {str(n) for model in models for n in model.aliases.values()} <= {*self.versions()}

    def check_it_is_whole(self, reference: Reference | None = None) -> None:
        """After a run that ended well: one version, served, and nothing that still runs."""
        self.check_nothing_is_left()
        running = self.client.search_runs(["0"], "attributes.status = 'RUNNING'")
        assert [run.info.run_name for run in running] == []
        assert self.versions() == ["1"]
        assert self.champion() == "1"
        wait_for(lambda: len(self.servers()) == 1, f"serving: {self.servers()}", 60)
        if reference:
            assert self.figures() == reference.figures
            assert self.answer() == reference.answer

    def stop(self) -> None:
        """Ends all that runs of it."""
        command = [sys.executable, "steps/deploy.py", "--model", NAME, "--action", "stop"]
        command += ["--data_root", str(self.folder / "data")]
        own = self.environment | {"MLFLOW_TRACKING_URI": f"sqlite:///{self.folder}/stop.db"}
        subprocess.run(command, env=own, cwd=PROJECT, check=True, capture_output=True)
        for process in self.processes():
            process.kill()


def made_by(chain: Chain) -> Reference:
    """Runs a chain that nothing strikes."""
    table = chain.run()
    words = [line.split() for line in table.splitlines()]
    seconds = {w[0]: float(w[2]) for w in words if w[:1] and w[0] in STEPS and w[1] == "ran"}
    assert set(seconds) == set(STEPS), table
    chain.check_it_is_whole()
    return Reference(seconds, chain.figures(), chain.answer(), chain.metrics())
