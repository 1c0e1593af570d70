"""A recipe's space in Hyperopt's terms."""

from math import log
from typing import Any

from throughline.recipe.space import Choice, Distribution, Option, Space


def hyperopt_space(space: Space) -> dict[str, Any]:
    """Turns a space into Hyperopt's; what Hyperopt draws from it, :func:`flat` reads."""
    return {name: _node(node) for name, node in space.items()}


def flat(drawn: dict[str, Any]) -> dict[str, Any]:
    """The parameters of what was drawn, numbers as Python's own: spaces add theirs."""
    found: dict[str, Any] = {}
    for name, value in drawn.items():
        if isinstance(value, dict):
            found |= flat(value)
        else:
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):  # what Hyperopt makes of a list
        return [_plain(one) for one in value]
    return value.item() if hasattr(value, "item") else value


def _node(node: Option) -> Any:
    from hyperopt import hp

    if isinstance(node, Choice):
        return hp.choice(node.label, [_node(option) for option in node.options])
    if isinstance(node, Distribution):
        return _distribution(node)
    return hyperopt_space(node) if isinstance(node, dict) else node


def _distribution(node: Distribution) -> Any:
    from hyperopt import hp
    from hyperopt.pyll import scope

    numbers = node.numbers
    if node.kind.endswith("loguniform"):
        numbers = (log(numbers[0]), log(numbers[1]), *numbers[2:])
    made = getattr(hp, node.kind)(node.label, *numbers)
    return scope.int(made) if node.whole else made
