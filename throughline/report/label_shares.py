"""How the label is spread in each part of a prepared table."""

from typing import TYPE_CHECKING

from throughline.features.layout import Layout
from throughline.features.op import quoted
from throughline.splitting.splitting import PARTS, SPLIT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MOST = 20
"""Classes shown, the most frequent in training first; the rest are added up."""

Table = list[tuple[str, list[str]]]
"""Per line what it is, and the text for each part."""


def label_table(prepared: "DataFrame", layout: Layout) -> Table:
    """The rows per class, or a number's figures, for each part.

    Args:
        prepared: The prepared rows of all parts, on Spark, with their part in ``__split``.
        layout: What the columns are.
    """
    if layout.classes is None:
        return _figures(prepared, layout.label)
    return _classes(prepared, layout.label, layout.classes)


def _classes(prepared: "DataFrame", label: str, classes: tuple[str, ...]) -> Table:
    found = prepared.groupBy(SPLIT, quoted(label)).count().toLocalIterator()
    counts = {(row[0], row[1]): int(row[2]) for row in found}
    totals = {part: sum(n for (p, _), n in counts.items() if p == part) for part in PARTS}
    codes = sorted(range(len(classes)), key=lambda code: -counts.get(("train", code), 0))

    def cell(part: str, shown: list[int]) -> str:
        count = sum(counts.get((part, code), 0) for code in shown)
        return f"{count:,} ({count / max(totals[part], 1):.1%})"

    lines = [(classes[code], [code]) for code in codes[:MOST]]
    if rest := codes[MOST:]:
        lines.append((f"{len(rest)} more", rest))
    return [(name, [cell(part, shown) for part in PARTS]) for name, shown in lines]


def _figures(prepared: "DataFrame", label: str) -> Table:
    from pyspark.sql import functions as F

    functions = {"mean": F.mean, "deviation": F.stddev, "least": F.min, "greatest": F.max}
    columns = [function(quoted(label)).alias(name) for name, function in functions.items()]
    found = {row[SPLIT]: row for row in prepared.groupBy(SPLIT).agg(*columns).toLocalIterator()}

    def cell(part: str, name: str) -> str:
        value = found[part][name] if part in found else None
        return "" if value is None else f"{value:,.6g}"

    return [(name, [cell(part, name) for part in PARTS]) for name in functions]
