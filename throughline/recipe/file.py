"""Reading a recipe file: a recipe, or the file, the line and the key that is wrong."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.recipe.overrides import NONE, Override, behind, parse_overrides
from throughline.recipe.recipe import Recipe
from throughline.recipe.yaml12 import Loader


def load_recipe(path: str | Path, overrides: str = NONE) -> Recipe:
    """Reads and checks a recipe.

    Args:
        path: The file.
        overrides: Values in the place of the file's, as in ``split.seed=3,metric=log_loss``.

    Raises:
        UserError: If the file is not there, is no YAML, or is no recipe; the sentence names the
            file, the line and the key, or the override that made it none.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"The recipe {path} cannot be read: {reason}.") from None
    return parse_recipe(text, str(path), overrides)


def parse_recipe(text: str, path: str = "recipe", overrides: str = NONE) -> Recipe:
    """Reads a recipe from its text; ``path`` is for messages only.

    Raises:
        UserError: As :func:`load_recipe`.
    """
    try:
        node = yaml.compose(text, Loader=Loader)
        data = yaml.load(text, Loader=Loader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error) or "it is not YAML"
        raise UserError(f"The recipe {path}{where} does not parse: {problem}.") from None
    if node is None or not isinstance(data, dict):
        raise UserError(f"The recipe {path} must be a YAML mapping with keys such as 'source'.")
    changes = parse_overrides(overrides)
    for change in changes:
        change.put_into(data)
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        if changes:
            parse_recipe(text, path)  # a mistake of the file itself comes first
            raise UserError(_override_error(error, changes, path)) from None
        raise UserError(_first_error(error, node, path)) from None


def with_overrides(recipe: Recipe, overrides: str, parts: Collection[str]) -> Recipe:
    """A recipe that was read before, with other values in some of its parts.

    Args:
        recipe: The recipe.
        overrides: As by :func:`load_recipe`.
        parts: The top keys that may be changed.

    Raises:
        UserError: If an override changes another part, or makes the recipe none.
    """
    data = recipe.model_dump(mode="json", by_alias=True)
    changes = parse_overrides(overrides)
    for change in changes:
        if change.path[0] not in parts:
            raise UserError(
                f"The override {change.text} (set) changes what prep has done; give it to prep, or "
                f"change {' or '.join(parts)} here."
            )
        change.put_into(data)
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise UserError(_override_error(error, changes, recipe.name)) from None


def _first_error(error: ValidationError, node: yaml.Node, path: str) -> str:
    keys, message = _told(error)
    line, known = _locate(node, keys, message)
    where = ".".join(map(str, known)) or "the top level"
    return f"The recipe {path}, line {line}, at {where}: {message}."


def _override_error(error: ValidationError, changes: list[Override], path: str) -> str:
    keys, message = _told(error)
    where = ".".join(map(str, keys)) or "the top level"
    return f"The recipe {path} with set={behind(changes, keys)}, at {where}: {message}."


def _told(error: ValidationError) -> tuple[list[Any], str]:
    """Where pydantic's first error is, and what it says."""
    first = error.errors(include_url=False)[0]
    keys = [key for key in first["loc"] if not str(key).startswith("function-")]
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        message = f"the key {str(keys[-1])!r} is missing"
    elif not message.startswith("unknown") and first["type"] != "value_error":
        message = f"{message[0].lower()}{message[1:]}, not {first['input']!r}"
    return keys, message.rstrip(".")


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
