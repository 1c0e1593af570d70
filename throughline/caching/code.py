"""The files of this project that a step runs, with their content; git is not asked."""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import psutil

from throughline.caching.key import NotSeenError
from throughline.checkout import PACKAGE, project_root

WITHOUT = f"{PACKAGE}/caching/"
"""Decides whether a step runs, and changes nothing that it makes."""
COPIED = "SERVING_CODE"
"""The name of a tuple of files and folders of the package that a module copies as they are."""

_FILE = re.compile(r"[\w./-]*\w\.\w+")
_QUOTED = re.compile(r"[\"']([\w./-]+)[\"']")


def code_of(step: str, root: Path) -> dict[str, str]:
    """The files that a step's script imports, directly or not, and what they read beside them.

    An import inside a function counts, one for types only does not. What is started with ``-m`` or
    given to ``import_module`` counts, where its name stands right there and not in a variable, and
    so does a file of the package that a string names: a template, a model's code.

    Args:
        step: The entry point, a script in the folder ``steps``.
        root: The project's folder.

    Returns:
        A digest of each file's content, by its path in the project.
    """
    found: dict[str, str] = {}
    waiting = [root / "steps" / f"{step}.py"]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name in found or name.startswith(WITHOUT):
            continue
        content = path.read_bytes()
        found[name] = hashlib.sha256(content).hexdigest()[:16]
        waiting += _needs(path, content, root)
    return dict(sorted(found.items()))


def check_unedited(names: Iterable[str]) -> None:
    """Refuses files that are newer than this process, which may have loaded what they were before.

    Args:
        names: Paths in the project.

    Raises:
        NotSeenError: If there is one.
    """
    started, root = psutil.Process().create_time(), project_root()
    for name in names:
        if (root / name).stat().st_mtime > started:
            raise NotSeenError(f"{name} was edited after this process had started")


@lru_cache(maxsize=2048)  # steps share most of it
def _needs(path: Path, content: bytes, root: Path) -> tuple[Path, ...]:
    if path.suffix == ".py":
        return tuple(_needs_of_module(path, ast.parse(content), root))
    if path.suffix in (".j2", ".css"):
        names = _QUOTED.findall(content.decode("utf-8"))
        return tuple(path.with_name(name) for name in names if path.with_name(name).is_file())
    return ()


def _needs_of_module(path: Path, tree: ast.Module, root: Path) -> Iterator[Path]:
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module_files(alias.name, root)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, path, root)
            for alias in node.names:
                yield from _module_files(f"{module}.{alias.name}", root)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _named(node.value, path, root)
        elif isinstance(node, ast.List | ast.Tuple | ast.Call):
            for module in _started(node):
                yield from _module_files(module, root)
        elif isinstance(node, ast.Assign) and COPIED in map(ast.unparse, node.targets):
            for name in ast.literal_eval(node.value):
                place = root / PACKAGE / name
                yield from sorted(place.rglob("*.py")) if place.is_dir() else [place]


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from _executed(other)
            continue
        yield child
        yield from _executed(child)


def _absolute(node: ast.ImportFrom, path: Path, root: Path) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(root).parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def _started(node: ast.List | ast.Tuple | ast.Call) -> Iterator[str]:
    """The modules that a command runs with ``-m``, or that a call imports by name."""
    if isinstance(node, ast.Call):
        named = ast.unparse(node.func).endswith("import_module")
        words = [ast.Constant("-m"), *node.args] if named else []
    else:
        words = list(node.elts)
    for flag, word in pairwise(words):
        if isinstance(flag, ast.Constant) and isinstance(word, ast.Constant) and flag.value == "-m":
            yield str(word.value)


def _named(text: str, path: Path, root: Path) -> Iterator[Path]:
    """The file of the package that a string names, if it names one."""
    if _FILE.fullmatch(text) and not text.endswith("__init__.py"):
        beside = (path.parent / text, root / PACKAGE / text)
        places = [place for place in beside if place.is_file()] or _by_name(root).get(text, [])
        if len(places) == 1 or places[:1] == [beside[0]]:
            yield places[0]


@lru_cache(maxsize=8)
def _by_name(root: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted((root / PACKAGE).rglob("*.*")):
        if "__pycache__" not in path.parts:
            found.setdefault(path.name, []).append(path)
    return found


def _module_files(name: str, root: Path) -> Iterator[Path]:
    """The files that importing a module of the package runs, its parents' included.

    What stands behind the last dot may be a module or something in one.
    """
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return
    place = root
    for part in parts:
        place = place / part
        if (package := place / "__init__.py").is_file():
            yield package
        elif (module := place.with_suffix(".py")).is_file():
            yield module
            return
