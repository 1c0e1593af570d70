import json
import subprocess
import sys

import pytest

from throughline.features.layout import Feature, Layout
from throughline.features.one_hot import FittedOneHot
from throughline.features.plan import Input, Origin, Plan
from throughline.features.scale import FittedScale
from throughline.features.show import main

ODD = "odd [bold] $name 时间"
PLAN = Plan(
    inputs=(Input(name="x", type="double"), Input(name=ODD, type="string", optional=False)),
    ops=(
        FittedOneHot(known={ODD: ["a", "b"]}),
        FittedScale(centre={"x": 1.5}, spread={"x": 2.0}),
    ),
    layout=Layout(
        features=(
            Feature(name=ODD, kind="category", cardinality=3, view="one_hot"),
            Feature(name="x_scaled", kind="numeric"),
        ),
        label="late",
        task="classification",
        classes=("no", "yes"),
    ),
    origins={"x_scaled": Origin(columns=("x",), ops=("impute", "scale"))},
)


@pytest.fixture
def folder(tmp_path):
    deep = tmp_path / "a model" / "artifacts" / "served"
    deep.mkdir(parents=True)
    (deep / "plan.json").write_text(PLAN.to_json(), encoding="utf-8")
    return tmp_path


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_a_plan_is_found_below_a_folder_and_printed(folder, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)  # a test runner may have set it
    assert main(["show", str(folder)]) == 0
    shown = lines(capsys.readouterr().out)
    assert {"Inputs (2)", "Ops (2)", "Features (2)", "Label"} <= set(shown)
    assert "x double optional" in shown
    assert f"{ODD} string" in shown
    assert f"1 one_hot {ODD} 2 categories (a, b), one more for the rest" in shown
    assert "2 scale x minus 1.5, divided by 2" in shown
    assert f"{ODD} category of 3, seen as one_hot" in shown
    assert "x_scaled number x impute, scale" in shown
    assert "late classification no, yes" in shown


def test_it_runs_as_a_module_into_a_pipe(folder):
    command = [sys.executable, "-m", "throughline.features.plan", "show", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
    assert "x_scaled number x impute, scale" in lines(ran.stdout)
    assert "\x1b" not in ran.stdout
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Call it as python -m throughline.features.plan show PATH"),
        (["list", "x"], "Call it as"),
        (["show", "nowhere"], "There is no feature plan at nowhere"),
        (["show", "foo://x"], "Cannot look for a plan at foo://x"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, sentence, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert sentence in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[]", "is not a feature plan"),
        ("no json", "is not a feature plan"),
        (b"\xff\xfe", "is not a feature plan"),
        (json.dumps({**PLAN.model_dump(), "ops": [{"op": "magic"}]}), "the op 'magic'"),
        (json.dumps({**PLAN.model_dump(), "ops": ["scale"]}), "is not a feature plan"),
        (json.dumps({**PLAN.model_dump(), "format": 9}), "is not a feature plan"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(content, sentence, tmp_path, capsys):
    path = tmp_path / "plan.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["show", str(path)]) == 2
    assert sentence in capsys.readouterr().err


def test_a_folder_with_several_plans_is_refused(folder, capsys):
    (folder / "other").mkdir()
    (folder / "other" / "plan.json").write_text(PLAN.to_json(), encoding="utf-8")
    assert main(["show", str(folder)]) == 2
    assert "several plans" in capsys.readouterr().err
    (folder / "plan.json").write_text(PLAN.to_json(), encoding="utf-8")
    assert main(["show", str(folder)]) == 0  # the folder's own goes first


def test_help_is_no_mistake(capsys):
    assert main(["--help"]) == 0
    assert "show PATH" in capsys.readouterr().out
