import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import yaml

from throughline.recipe.schema import json_schema
from throughline.recipe.yaml12 import Loader

PROJECT = Path(__file__).parents[2]
SCHEMA = PROJECT / "recipes" / "recipe.schema.json"


def test_the_committed_schema_is_the_recipes():
    written = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert written == json_schema(), "run: python -m throughline.recipe > " + str(SCHEMA)


def test_the_module_prints_the_schema():
    command = [sys.executable, "-m", "throughline.recipe"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    assert shown.stdout == SCHEMA.read_text(encoding="utf-8")


def test_the_schema_accepts_the_recipes_and_refuses_mistakes():
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.check_schema(json_schema())
    for path in PROJECT.glob("recipes/*.yaml"):
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506
        data = json.loads(json.dumps(data, default=dt.datetime.isoformat))
        assert [error.message for error in validator.iter_errors(data)] == []
        for path_to, value in (("name", 5), ("keys", ["x"]), ("prepare", [{"scal": {}}])):
            assert not validator.is_valid({**data, path_to: value})
