"""Reading YAML as version 1.2 has it, where PyYAML reads 1.1."""

import re
from typing import Any

import yaml

_BOOL = re.compile(r"(true|True|TRUE|false|False|FALSE)$")
_INT = re.compile(r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(
    r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
)
_CORE = {"bool": (_BOOL, "tTfF"), "int": (_INT, "-+0123456789"), "float": (_FLOAT, "-+.0123456789")}
_REPLACED = {*_CORE, "value"}


class Loader(yaml.SafeLoader):
    """YAML 1.2's booleans and numbers: ``on`` and ``NO`` stay words, ``1e-3`` is a number.

    A key that stands twice is an error, as YAML has it; PyYAML would take the last one.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Makes a mapping, each of whose keys stands once."""
        seen: set[str] = set()
        for key, _ in node.value:
            problem = "a key must be a word" if not isinstance(key, yaml.ScalarNode) else ""
            if not problem and key.value in seen:
                problem = f"the key {key.value!r} stands twice"
            if problem:
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)

    def whole_number(self, node: yaml.ScalarNode) -> int:
        """Makes a whole number: ``010`` is ten, ``0o10`` is eight."""
        text = str(node.value)
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)

    def moment(self, node: yaml.ScalarNode) -> Any:
        """Makes a day or a moment; what only looks like one, as 2013-13-01, stays text."""
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            return str(node.value)


def scalar(text: str) -> Any:
    """Reads a text as a value that stands in a file by itself, unquoted."""
    loader = Loader("")
    try:
        tag = loader.resolve(yaml.ScalarNode, text, (True, False))
        return loader.construct_object(yaml.ScalarNode(tag, text))
    finally:
        loader.dispose()


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag.rpartition(":")[2] not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, (_regexp, _first) in _CORE.items():
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", _regexp, list(_first))
Loader.add_constructor("tag:yaml.org,2002:int", Loader.whole_number)
Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.moment)
