"""The model card: what a candidate is, what it was trained and measured on, and its limits.

The headings follow Mitchell et al., "Model cards for model reporting", 2019.
"""

from collections.abc import Mapping

from throughline.evaluation.card_data import data_section, features_section, split_section
from throughline.evaluation.card_limits import limits_section
from throughline.evaluation.card_use import use_section
from throughline.evaluation.evaluation import Evaluation
from throughline.evaluation.figures import metrics_table, number, with_interval
from throughline.models.family import Trained
from throughline.prepared import PreparedTable
from throughline.report.document import Document, Picture, Section, Table

CARD = "model_card"


def card_of(
    table: PreparedTable,
    trained: Trained,
    title: str,
    evaluation: Evaluation,
    pictures: Mapping[str, Picture],
) -> Document:
    """The card of a candidate.

    Args:
        table: The prepared table it was trained on.
        trained: The model.
        title: The candidate's name, for people.
        evaluation: What it is worth.
        pictures: Those drawn, by what they show.
    """
    recipe = table.recipe
    test = evaluation.parts["test"].measured
    headline = with_interval(test.metrics, test.intervals, recipe.metric)
    return Document(
        title=f"{recipe.name}: {title}",
        about=f"A {recipe.label.task} of {recipe.label.name}. On the test rows, {recipe.metric} is "
        f"{headline}.",
        sections=(
            data_section(table, evaluation),
            split_section(table, evaluation),
            _metrics_section(table, evaluation, pictures),
            *_slices_sections(table, evaluation, pictures),
            *_importance_sections(evaluation, pictures),
            limits_section(table, evaluation),
            use_section(table, trained),
            _model_section(table, trained),
            features_section(table),
        ),
    )


def _model_section(table: PreparedTable, trained: Trained) -> Section:
    rows = tuple((name, str(value)) for name, value in trained.parameters.items())
    return Section(
        "Model",
        text=(f"Served as {trained.estimator.kind}, with the feature plan inside.",),
        table=Table(("parameter", "value"), rows, texts=2) if rows else None,
    )


def _metrics_section(
    table: PreparedTable, evaluation: Evaluation, pictures: Mapping[str, Picture]
) -> Section:
    test = evaluation.parts["test"].measured
    text = [
        f"In brackets stands the 95 % interval, by the percentile bootstrap ({test.resamples} "
        "resamples of the test rows)."
    ]
    if evaluation.decisions:
        cost = evaluation.decisions.cost
        why = (
            f"the least cost on the validation rows, where a false positive costs "
            f"{cost.false_positive:g} and a false negative {cost.false_negative:g}"
            if cost
            else "the best F1 on the validation rows"
        )
        text.append(
            f"It says {(table.layout.classes or ('', 'yes'))[1]!r} from a probability of "
            f"{evaluation.decisions.threshold:.4f} on: {why}."
        )
    shown = tuple(pictures[name] for name in ("test", "validation"))
    return Section("Metrics", tuple(text), table=metrics_table(evaluation), pictures=shown)


def _slices_sections(
    table: PreparedTable, evaluation: Evaluation, pictures: Mapping[str, Picture]
) -> tuple[Section, ...]:
    metric = table.recipe.metric
    slices = evaluation.parts["test"].slices
    if not slices:
        return ()
    others = [name for name in slices[0].metrics if name != metric][:4]

    def cells(metrics: Mapping[str, float], names: list[str]) -> tuple[str, ...]:
        return tuple(number(metrics[name]) if name in metrics else "" for name in names)

    rows = tuple(
        (
            one.column,
            one.value,
            "few" if one.small else "",
            f"{one.rows:,}",
            with_interval(one.metrics, {metric: one.interval} if one.interval else {}, metric),
            *cells(one.metrics, others),
        )
        for one in slices
    )
    head = ("column", "value", "", "rows", metric, *others)
    text = "Slices marked few have so few rows, or so few of a class, that the figures say little."
    shown = Table(head, rows, texts=3)
    return (
        Section("Slices of the test rows", (text,), table=shown, pictures=(pictures["slices"],)),
    )


def _importance_sections(
    evaluation: Evaluation, pictures: Mapping[str, Picture]
) -> tuple[Section, ...]:
    if "importances" not in pictures:
        return ()
    text = (
        "Permutation importance is what the metric loses on validation rows once a feature's "
        "values are shuffled. It says what the scores rest on, not what causes the label; of "
        "features that tell the same, each may look useless."
    )
    return (Section("Importance", (text,), pictures=(pictures["importances"],)),)
