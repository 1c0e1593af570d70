"""The evaluation of a candidate, the same whichever step trained it."""

from dataclasses import dataclass

from throughline.evaluation.decisions import Decisions, decide
from throughline.evaluation.measured import Measured, measured
from throughline.evaluation.metrics import Scores
from throughline.evaluation.part import Part, read_part
from throughline.evaluation.permutation import Loss, permutation_importance
from throughline.evaluation.slices import Slice, slices_of
from throughline.models.estimator import Estimator
from throughline.models.served import ServedModel
from throughline.prepared import PreparedTable

PARTS = ("validation", "test")


@dataclass(frozen=True)
class PartEvaluation:
    """A part's rows, their scores, and what these are worth.

    Attributes:
        part: The rows.
        scores: (n, outputs).
        measured: On all rows.
        slices: By the recipe's columns.
    """

    part: Part
    scores: Scores
    measured: Measured
    slices: list[Slice]


@dataclass(frozen=True)
class Evaluation:
    """A candidate on validation and test rows.

    Attributes:
        decisions: Of a binary classification, chosen on the validation rows; else None.
        parts: By name.
        losses: What shuffling each feature of validation rows costs.
    """

    decisions: Decisions | None
    parts: dict[str, PartEvaluation]
    losses: dict[str, Loss]

    @property
    def threshold(self) -> float | None:
        """A binary classification says yes from this probability on; else None."""
        return self.decisions.threshold if self.decisions else None

    def figures(self) -> dict[str, float]:
        """All figures as a run logs them: ``<part>_<metric>``, and the threshold."""
        found = {} if self.threshold is None else {"threshold": self.threshold}
        for name, part in self.parts.items():
            found |= {f"{name}_{key}": value for key, value in part.measured.figures().items()}
        return found


def figures_on_test(table: PreparedTable, served: ServedModel) -> dict[str, float]:
    """The figures of the test rows as a run logs them, and the threshold; nothing of others."""
    part = read_part(table, "test")
    rule, threshold = table.recipe.threshold, served.threshold
    decisions = None if threshold is None else Decisions(threshold, rule.cost)
    scores = served.score(part.rows)
    found = measured(part.labels, scores, table.layout, decisions, part.blocks).figures()
    told = {} if threshold is None else {"threshold": threshold}
    return told | {f"test_{name}": value for name, value in found.items()}


def evaluate(table: PreparedTable, estimator: Estimator) -> Evaluation:
    """Evaluates an estimator on raw rows, through the plan, as it will be served.

    The threshold is settled on the validation rows, never on the test rows.

    Raises:
        UserError: If a part holds one class only.
    """
    layout, recipe = table.layout, table.recipe
    served = ServedModel(table.plan, estimator)
    parts = {name: read_part(table, name) for name in PARTS}
    scores = {name: served.score(part.rows) for name, part in parts.items()}
    decisions = None
    if layout.binary:
        labels = parts["validation"].labels
        decisions = decide(labels, scores["validation"][:, 0], recipe.threshold)
    evaluated = {
        name: PartEvaluation(
            part,
            scores[name],
            measured(part.labels, scores[name], layout, decisions, part.blocks),
            slices_of(part, scores[name], layout, decisions, recipe.slices, recipe.metric),
        )
        for name, part in parts.items()
    }
    columns = table.columns("validation")
    losses = permutation_importance(estimator, columns, layout, recipe.metric, decisions)
    return Evaluation(decisions, evaluated, losses)
