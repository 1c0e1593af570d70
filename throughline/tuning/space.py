"""The search space of a recipe, in Hyperopt's terms."""

from collections.abc import Callable, Mapping
from math import log
from typing import Any

from throughline.errors import UserError
from throughline.strict import nearest

_COUNTS = {"randint": (1, 2), "quniform": (3,), "qloguniform": (3,)}
"""How many numbers a distribution takes; the others take two."""


def _values(name: str, low: float, high: float) -> tuple[float, float]:
    if low <= 0:
        raise UserError(
            f"The bounds of {name!r} are {low} and {high}; those of a log distribution are values "
            "above 0, not logarithms."
        )
    return log(low), log(high)


def hyperopt_space(space: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Turns a recipe's space into Hyperopt's.

    The bounds of ``loguniform`` and ``qloguniform`` are values, as one reads them, and not their
    logarithms; everything else is as Hyperopt's documentation has it ("Defining a search space").

    Raises:
        UserError: If a distribution is not known, or its arguments cannot be.
    """
    from hyperopt import hp

    makers: dict[str, Callable[..., Any]] = {
        "choice": lambda name, *options: hp.choice(name, list(options)),
        "randint": hp.randint,
        "uniform": hp.uniform,
        "quniform": hp.quniform,
        "loguniform": lambda name, low, high: hp.loguniform(name, *_values(name, low, high)),
        "qloguniform": lambda name, low, high, q: hp.qloguniform(
            name, *_values(name, low, high), q
        ),
        "normal": hp.normal,
        "lognormal": hp.lognormal,
    }
    return {name: _one(name, said, makers) for name, said in space.items()}


def _one(name: str, said: Mapping[str, Any], makers: Mapping[str, Callable[..., Any]]) -> Any:
    if len(said) != 1:
        raise UserError(
            f"The space of {name!r} must be one distribution, as in {{uniform: [0, 1]}}."
        )
    ((distribution, bounds),) = said.items()
    if distribution not in makers:
        raise UserError(
            f"The space of {name!r} has an unknown distribution {distribution!r}; "
            f"{nearest(distribution, makers)}."
        )
    _check_bounds(name, distribution, bounds)
    return makers[distribution](name, *bounds)


def _check_bounds(name: str, distribution: str, bounds: Any) -> None:
    if not isinstance(bounds, list) or not bounds:
        raise UserError(f"The space of {name!r} must give {distribution} a list of values.")
    if distribution == "choice":
        return
    if len(bounds) not in _COUNTS.get(distribution, (2,)):
        raise UserError(
            f"The space of {name!r} gives {distribution} {len(bounds)} numbers, which is not how "
            "many it takes."
        )
    if not all(isinstance(b, int | float) and not isinstance(b, bool) for b in bounds):
        raise UserError(f"The space of {name!r} must give {distribution} numbers, not {bounds}.")
    if distribution == "randint" and not all(isinstance(bound, int) for bound in bounds):
        raise UserError(f"The space of {name!r} must give randint whole numbers, not {bounds}.")
    if "normal" not in distribution and len(bounds) > 1 and bounds[0] >= bounds[1]:
        raise UserError(
            f"The bounds of {name!r} are upside down: {bounds[0]} is not below {bounds[1]}."
        )
