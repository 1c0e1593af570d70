"""What Azure ML is given to run besides a model: an entry script, and the code that it imports."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from throughline.checkout import PACKAGE, project_root
from throughline.deployment.target import ModelVersion

NAME = "score.py"
FOLDER = "service"
"""The folder of the script and the code, as it is called in a service too."""
MODEL = "model"
"""Where in it the model is, of a batch job."""

_ENTRY = '''\
"""Serves {uri}: Azure ML calls init once, and run for each request."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from throughline.azureml.scoring import ScoringService

service = None


def init():
    global service
    service = ScoringService.load(os.environ["AZUREML_MODEL_DIR"], {uri!r})


def run(body):
    return service.run(body)
'''

_BATCH_ENTRY = '''\
"""Scores files with {uri}: Azure ML calls init once in a process, and run for each mini batch."""

import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

from throughline.azureml.batch_scoring import BatchService

service = None


def init():
    global service
    service = BatchService.load(os.path.join(HERE, {model!r}), {uri!r})


def run(mini_batch):
    return service.score(mini_batch)
'''


@contextmanager
def source_directory(model: ModelVersion) -> Iterator[Path]:
    """A folder with the entry script of a version and this package, while the block runs."""
    with _directory(entry_script(model)) as folder:
        yield folder


@contextmanager
def batch_directory(model: ModelVersion, files: Path) -> Iterator[Path]:
    """As :func:`source_directory`, of a batch job; the model is in it, since nothing mounts one.

    Args:
        model: The version.
        files: The folder with its files.
    """
    with _directory(batch_entry_script(model)) as folder:
        shutil.copytree(files, folder / MODEL)
        yield folder


def entry_script(model: ModelVersion) -> str:
    """The text of the script that serves a version."""
    return _ENTRY.format(uri=model.uri)


def batch_entry_script(model: ModelVersion) -> str:
    """The text of the script that scores files with a version."""
    return _BATCH_ENTRY.format(uri=model.uri, model=MODEL)


@contextmanager
def _directory(script: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / FOLDER
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(project_root() / PACKAGE, folder / PACKAGE, ignore=ignored)
        (folder / NAME).write_text(script, encoding="utf-8")
        yield folder
