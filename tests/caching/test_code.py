"""Which files a step runs: those it imports, also from inside functions, and no others."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.steps.conftest import PROJECT
from throughline.caching.code import code_of


def project(folder: Path, files: dict[str, str]) -> Path:
    for name, text in {"throughline/__init__.py": "", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names(folder: Path) -> set[str]:
    return {name.removeprefix("throughline/") for name in code_of("prep", folder)} - {
        "steps/prep.py",
        "__init__.py",
    }


def test_imports_inside_functions_count_and_those_of_types_do_not(tmp_path: Path) -> None:
    script = """
from typing import TYPE_CHECKING
import throughline.a
if TYPE_CHECKING:
    import throughline.types_only
else:
    import throughline.otherwise
def main():
    from throughline.b import c, value
"""
    files = {f"throughline/{name}.py": "" for name in ("a", "types_only", "otherwise", "unused")}
    files |= {"throughline/b/__init__.py": "value = 1", "throughline/b/c.py": "from . import d"}
    files |= {"throughline/b/d.py": "", "throughline/b/e.py": "", "steps/prep.py": script}
    found = names(project(tmp_path, files))
    assert found == {"a.py", "otherwise.py", "b/__init__.py", "b/c.py", "b/d.py"}


def test_what_is_started_or_read_counts(tmp_path: Path) -> None:
    script = """
import importlib
import throughline.pages.page
command = ["python", "-m", "throughline.worker", "job.json"]
importlib.import_module("throughline.loaded")
TAG = "throughline.tag"
"""
    page = "TEMPLATE = 'page.html.j2'\nSERVING_CODE = ('copied', 'single.py')\n"
    files = {f"throughline/{name}.py": "" for name in ("worker", "loaded", "tag", "single")}
    files |= {"throughline/pages/page.py": page, "throughline/pages/page.css": ""}
    files |= {"throughline/pages/page.html.j2": '{% include "page.css" %}', "steps/prep.py": script}
    files |= {"throughline/copied/deep/one.py": "", "throughline/pages/other.css": ""}
    assert names(project(tmp_path, files)) == {
        *("worker.py", "loaded.py", "single.py", "copied/deep/one.py"),
        *("pages/page.py", "pages/page.html.j2", "pages/page.css"),
    }


@given(
    edges=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12),
    roots=st.sets(st.integers(0, 6), min_size=1, max_size=2),
    changed=st.integers(0, 6),
)
def test_a_changed_file_matters_where_it_is_reached(
    edges: list[tuple[int, int]], roots: set[int], changed: int
) -> None:
    reached, waiting = set(), list(roots)
    while waiting:
        if (node := waiting.pop()) not in reached:
            reached.add(node)
            waiting += [end for start, end in edges if start == node]
    with tempfile.TemporaryDirectory() as name:
        texts = {node: "" for node in range(7)}
        for start, end in edges:
            texts[start] += f"def f():\n    import throughline.m{end}\n"
        files = {f"throughline/m{node}.py": text for node, text in texts.items()}
        files["steps/prep.py"] = "\n".join(f"from throughline import m{node}" for node in roots)
        folder = project(Path(name), files)
        before = code_of("prep", folder)
        with (folder / f"throughline/m{changed}.py").open("a") as file:
            file.write("# changed\n")
        after = code_of("prep", folder)
    assert set(before) == set(after)
    assert (before != after) == (changed in reached)


def test_steps_of_this_project() -> None:
    prep, train = code_of("prep", PROJECT), code_of("train", PROJECT)
    network = code_of("distributed_train", PROJECT)
    assert "throughline/models/xgboost.py" in set(train) - set(prep) - set(network)
    assert "throughline/sources/delta.py" in set(prep) - set(train)
    assert {"throughline/report/prep.html.j2", "throughline/report/page.css"} <= set(prep)
    assert {"throughline/models/served_pyfunc.py", "throughline/features/show.py"} <= set(train)
    started = ("worker", "horovodrun_command", "torchrun_command", "ending_with_parent")
    assert {f"throughline/distributed/{name}.py" for name in started} <= set(network)
    assert not [name for name in train if name.startswith(("throughline/caching", "tests"))]
