"""Reading a recipe file: a recipe, or the file, the line and the key that is wrong."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.recipe import Recipe


class _Loader(yaml.SafeLoader):
    """YAML 1.2's booleans: only true and false, so that ``on`` and ``NO`` stay words.

    A key that stands twice is an error, as YAML has it; PyYAML would take the last one.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Makes a mapping, each of whose keys stands once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                problem = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")
)


def load_recipe(path: str | Path) -> Recipe:
    """Reads and checks a recipe.

    Raises:
        UserError: If the file is not there, is no YAML, or is no recipe; the sentence names the
            file, the line and the key.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"The recipe {path} cannot be read: {reason}.") from None
    return parse_recipe(text, str(path))


def parse_recipe(text: str, path: str = "recipe") -> Recipe:
    """Reads a recipe from its text; ``path`` is for messages only.

    Raises:
        UserError: As :func:`load_recipe`.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise UserError(f"The recipe {path}{where} does not parse: {problem}.") from None
    if node is None or not isinstance(data, dict):
        raise UserError(f"The recipe {path} must be a YAML mapping with keys such as 'source'.")
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise UserError(_first_error(error, node, path)) from None


def _first_error(error: ValidationError, node: yaml.Node, path: str) -> str:
    first = error.errors(include_url=False)[0]
    keys = [key for key in first["loc"] if not str(key).startswith("function-")]
    line, known = _locate(node, keys, first["msg"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        message = f"the key {str(keys[-1])!r} is missing"
    elif not message.startswith("unknown") and first["type"] != "value_error":
        message = f"{message[0].lower()}{message[1:]}, not {first['input']!r}"
    where = ".".join(map(str, known)) or "the top level"
    return f"The recipe {path}, line {line}, at {where}: {message.rstrip('.')}."


def _locate(node: yaml.Node, keys: list[Any], message: str) -> tuple[int, list[Any]]:
    """The line of the innermost key that stands in the file, and the keys that lead there."""
    line, known = node.start_mark.line + 1, []
    for key in keys:
        found = _child(node, key)
        if found is None:
            break
        line, node = found
        known.append(key)
    if match := re.search(r"unknown (?:key|op) '([^']*)'", message):
        found = _child(node, match[1])
        line = found[0] if found else line
    return line, known


def _child(node: yaml.Node, key: Any) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark.line + 1, value
        if len(node.value) == 1:  # an op's arguments: pydantic's path does not name the op
            inner = _child(node.value[0][1], key)
            return inner
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark.line + 1, node.value[key]
    return None
