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


@contextmanager
def source_directory(model: ModelVersion) -> Iterator[Path]:
    """A folder with the entry script of a version and this package, while the block runs."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / FOLDER
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(project_root() / PACKAGE, folder / PACKAGE, ignore=ignored)
        (folder / NAME).write_text(entry_script(model), encoding="utf-8")
        yield folder


def entry_script(model: ModelVersion) -> str:
    """The text of the script that serves a version."""
    return _ENTRY.format(uri=model.uri)
