"""What stands out in a preparation: the sentences on top of its page."""

from collections.abc import Iterator, Sequence

from throughline.features.plan import Plan
from throughline.report.comparison import Comparison
from throughline.report.drift import MUCH
from throughline.splitting.splitting import PARTS

MOST = 8
HALF = 0.5


def notes(plan: Plan, raw: Sequence[Comparison], features: Sequence[Comparison]) -> list[str]:
    """The sentences, the gravest first; none if nothing stands out.

    Moments are left out of drift: test rows that are later than training rows drift by themselves.
    """
    inputs = {column.name for column in plan.inputs}
    used = [column for column in raw if column.name in inputs]
    return [*_drift(used, features), *_missing(used, features), *_constant(features)]


def _drift(used: Sequence[Comparison], features: Sequence[Comparison]) -> Iterator[str]:
    for what, columns in (("features", features), ("raw columns", used)):
        found = [c for c in columns if c.test_drift > MUCH and c.type != "timestamp"]
        found.sort(key=lambda column: -column.test_drift)
        if found:
            names = [f"{c.name} ({c.test_drift:.2f})" for c in found]
            yield (
                f"Test rows are unlike training rows (PSI above {MUCH}) in {len(found)} "
                f"{what}: {_listed(names)}."
            )


def _missing(used: Sequence[Comparison], features: Sequence[Comparison]) -> Iterator[str]:
    mostly = [f"{c.name} ({c.missing['train']:.0%})" for c in used if c.missing["train"] > HALF]
    if mostly:
        yield f"More than half of the training rows miss these raw columns: {_listed(mostly)}."
    left = [c.name for c in features if any(c.missing[part] for part in PARTS)]
    if left:
        yield (
            f"{len(left)} features still miss values, which not every model can read: "
            f"{_listed(left)}."
        )


def _constant(features: Sequence[Comparison]) -> Iterator[str]:
    same = [c.name for c in features if c.histogram and c.histogram.constant]
    if same:
        yield f"Features with one value in all training rows of the sample: {_listed(same)}."


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST
    return ", ".join(names[:MOST]) + (f" and {more} more" if more > 0 else "")
