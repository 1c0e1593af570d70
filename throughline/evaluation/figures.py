"""Figures as text: a metric with its interval, and the metrics of an evaluation as a table."""

from collections.abc import Mapping

from throughline.evaluation.bootstrap import Interval
from throughline.evaluation.evaluation import Evaluation
from throughline.report.document import Table


def number(value: float) -> str:
    """Four digits after the point of what is about one, fewer of what is larger."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}"


def with_interval(
    metrics: Mapping[str, float], intervals: Mapping[str, Interval], name: str
) -> str:
    """A metric as ``0.7682 (0.7360 to 0.7916)``; empty if it is not defined."""
    if name not in metrics:
        return ""
    if name not in intervals:
        return number(metrics[name])
    low, high = intervals[name]
    return f"{number(metrics[name])} ({number(low)} to {number(high)})"


def metrics_table(evaluation: Evaluation) -> Table:
    """A row for each metric, a column for each part."""
    parts = {name: part.measured for name, part in evaluation.parts.items()}
    names = list(dict.fromkeys(name for part in parts.values() for name in part.metrics))
    rows = [
        (name, *(with_interval(part.metrics, part.intervals, name) for part in parts.values()))
        for name in names
    ]
    errors = [part.calibration.error for part in parts.values() if part.calibration]
    if errors:
        rows.append(("expected calibration error", *map(number, errors)))
    return Table(("metric", *parts), tuple(rows))
