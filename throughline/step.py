"""What every step script has in common: logging, and a clean end after a user's mistake."""

import argparse
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from throughline.checkout import project_root
from throughline.dbfs import on_databricks
from throughline.errors import UserError
from throughline.faults import sentence_of
from throughline.launcher import end_with_launcher

ERROR_FILE = "THROUGHLINE_ERROR_FILE"
"""Names a file that receives the sentence of a user's mistake, for whoever started the step."""

NOISY = (
    *("py4j", "alembic", "matplotlib", "mlflow.store.db.utils", "hyperopt", "optuna"),
    *("azure", "azureml"),
)
"""Whose log tells what nobody asked: Azure's clients, each request."""

FAILURE = "throughline.error"
"""The tag of a run that keeps this sentence, for whoever cannot share a file with the step."""

OF_AZUREML = re.compile(r"--(AZUREML|MLFLOW)_[A-Z_]+")
"""Names of arguments that a pipeline of Azure ML adds to those of a script, each with a value."""

_told_to_end = threading.Event()


def run_step(main: Callable[[], None]) -> None:
    """Runs a step's ``main``; exits with code 2 and one sentence after a user's mistake.

    So it is after a fault of the machine, as a full disk. Any other exception is a bug and keeps
    its stack trace. A good end is no ``sys.exit(0)``: where a notebook's kernel runs the script, it
    would count as a failure.
    """
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # py4j tells with a stack trace, in nobody's name, that Spark has ended; we say it in a sentence
    logging.getLogger().addFilter(lambda record: "py4j" not in record.pathname)
    if threading.current_thread() is threading.main_thread():  # a kernel may have another
        signal.signal(signal.SIGTERM, _end)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        end_with_launcher()
        main()
    except UserError as error:
        report(error)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if (sentence := sentence_of(error)) is None:
            raise
        logging.getLogger(__name__).debug("the fault", exc_info=True)
        report(UserError(sentence))
        sys.exit(2)
    finally:
        if _told_to_end.is_set() and (run_id := os.environ.get("MLFLOW_RUN_ID")):
            _end_untaken(run_id)


def _end(number: int, _: object) -> NoReturn:
    """Ends this process by an exception, which lets runs end; to be told again changes nothing.

    A container is told twice: Docker's client passes on what the chain was told, which stops it.
    """
    signal.signal(number, lambda *_: None)
    _told_to_end.set()
    sys.exit(128 + number)


def _end_untaken(run_id: str) -> None:
    """Ends the run of a step that has not taken it yet; nobody else will, or reads why not.

    In another process: an import that was cut short, MLflow's own perhaps, cannot be done here.
    """
    command = [sys.executable, "-m", "throughline.lost_runs", run_id]
    variables = os.environ | {"PYTHONPATH": str(project_root())}
    subprocess.run(command, env=variables, capture_output=True, check=False)


class Parser(argparse.ArgumentParser):
    """Arguments of a step; a wrong one is a user's mistake like any other."""

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> argparse.Namespace:
        """Reads the arguments, but for those that Azure ML added."""
        return super().parse_args(_own(sys.argv[1:] if args is None else args), namespace)

    def error(self, message: str) -> NoReturn:
        """Ends the step with a sentence."""
        raise UserError(f"{message}; see python steps/{self.prog} --help.")


def _own(words: Sequence[str]) -> list[str]:
    added = {at for at, word in enumerate(words) if OF_AZUREML.fullmatch(word)}
    added |= {at + 1 for at in added}
    return [word for at, word in enumerate(words) if at not in added]


def report(error: UserError) -> None:
    """Prints a user's mistake on stderr, and into the file that ``ERROR_FILE`` names, if any."""
    sentence = " ".join(str(error).split())
    sys.stderr.write(f"error: {sentence}\n")
    if path := os.environ.get(ERROR_FILE):
        Path(path).write_text(sentence, encoding="utf-8")
    elif on_databricks() and (run_id := os.environ.get("MLFLOW_RUN_ID")):
        import mlflow  # the step has not taken its run yet, and nobody else ends that

        mlflow.MlflowClient().set_tag(run_id, FAILURE, sentence)
        mlflow.MlflowClient().set_terminated(run_id, "FAILED")


@contextmanager
def child_errors() -> Iterator[Path]:
    """Gives the steps started in the block a file of their own for a user's mistake."""
    outer = os.environ.get(ERROR_FILE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "error"
        os.environ[ERROR_FILE] = str(path)
        try:
            yield path
        finally:
            del os.environ[ERROR_FILE]
            if outer:
                os.environ[ERROR_FILE] = outer


def fraction(text: str) -> float:
    """An argument that is a share of a whole, above 0 and at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; give a number above 0, up to 1")
    return value


def number_or_recipe(text: str) -> int | None:
    """An argument that is a whole number above 0, or ``recipe`` for the recipe's own (None)."""
    if text == "recipe":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number above 0; leave it out to take the recipe's"
        )
    return int(text)
