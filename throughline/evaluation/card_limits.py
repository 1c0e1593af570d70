"""What a model card says about the limits of a candidate."""

from collections.abc import Iterator

from throughline.evaluation.evaluation import PARTS, Evaluation
from throughline.evaluation.figures import number, with_interval
from throughline.evaluation.metrics import better
from throughline.evaluation.part import block_of
from throughline.prepared import PreparedTable
from throughline.report.document import Section

NOTABLE_ERROR = 0.03
"""An expected calibration error above this is pointed out."""

_RULES = {
    "warn": "are answered, with a warning in the log",
    "refuse": "are refused",
    "ignore": "are answered like others",
}


def limits_section(table: PreparedTable, evaluation: Evaluation) -> Section:
    """What the figures do not say, and where the model is weak."""
    return Section("Limits", items=tuple(_limits(table, evaluation)))


def _limits(table: PreparedTable, evaluation: Evaluation) -> Iterator[str]:
    recipe = table.recipe
    validation, test = (evaluation.parts[name].measured for name in PARTS)
    rows = len(evaluation.parts["test"].scores)
    yield (
        f"The figures hold for rows like the {rows:,} test rows. The intervals cover what "
        f"another draw of {block_of(recipe)} would change, not a change of the world."
    )
    metric = recipe.metric
    low, high = test.intervals.get(metric, (float("-inf"), float("inf")))
    if not low <= validation.metrics[metric] <= high:
        yield (
            f"On the validation rows {metric} is {number(validation.metrics[metric])}, outside the "
            "interval of the test rows: the two parts differ."
        )
    if test.calibration and test.calibration.error > NOTABLE_ERROR:
        yield (
            f"On the test rows, probabilities are off by {test.calibration.error:.3f} on average: "
            "read them as a ranking."
        )
    yield from _weakest(evaluation, metric)
    if table.contract:
        yield (
            "Requests with values outside those of the training rows "
            f"{_RULES[table.contract.on_violation]}; a category that training never saw counts as "
            "the rest."
        )


def _weakest(evaluation: Evaluation, metric: str) -> Iterator[str]:
    test = evaluation.parts["test"]
    sure = [one for one in test.slices if not one.small and metric in one.metrics]
    if sure:
        weakest = sure[0]
        for one in sure[1:]:
            if better(metric, weakest.metrics[metric], one.metrics[metric]):
                weakest = one
        figure = with_interval(
            weakest.metrics, {metric: weakest.interval} if weakest.interval else {}, metric
        )
        yield f"It is weakest where {weakest.column} is {weakest.value}: {metric} {figure}."
    if few := sum(one.small for one in test.slices):
        yield f"{few} of {len(test.slices)} slices are too small for their figures to say much."
