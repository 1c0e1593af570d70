"""The label: a column, or a condition on columns that are known only afterwards."""

from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.expressions import check_kinds, columns_of, compile_expression, is_condition
from throughline.features.op import quoted
from throughline.features.schema import kinds_of
from throughline.strict import nearest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from throughline.recipe.label import Label
    from throughline.recipe.recipe import Recipe


def add_label(table: "DataFrame", label: "Label") -> "DataFrame":
    """Adds the label's column; a class as text, a condition as "0" or "1", a number as double.

    Raises:
        UserError: If the label reads a column that is not there, or a regression's is no number.
    """
    import narwhals as nw
    from pyspark.sql import functions as F

    source = label.source or f"col({label.name!r})"
    for column in columns_of(source):
        if column not in table.columns:
            raise UserError(
                f"The label reads the column {column!r}, which is not in the table; "
                f"{nearest(column, table.columns)}."
            )
    kind = check_kinds(source, kinds_of(table))
    if label.task == "regression" and kind not in ("number", "boolean"):
        # cast, what is no number would be missing, and its rows left out
        raise UserError(
            f"The label {label.name!r} is of kind {kind}, where a regression wants numbers; store "
            "it as numbers, or make its task 'classification'."
        )
    value = compile_expression(source).alias(label.name)
    table = nw.from_native(table).with_columns(value).to_native()
    found = F.col(quoted(label.name))
    if label.task == "regression":
        return table.withColumn(label.name, found.cast("double"))
    if is_condition(source):
        found = found.cast("int")
    return table.withColumn(label.name, found.cast("string"))


def classes_of(training: "DataFrame", label: "Label") -> tuple[str, ...] | None:
    """The classes among the training rows, sorted; None for regression.

    Raises:
        UserError: If there are fewer than two classes, or a number that hardly repeats.
    """
    from pyspark.sql import functions as F

    if label.task == "regression":
        return None
    column = F.col(quoted(label.name))
    rows = training.where(column.isNotNull()).select(column).distinct().limit(1001).collect()
    classes = sorted(str(row[0]) for row in rows)
    if len(classes) < 2:
        found = f"only the class {classes[0]!r}" if classes else "no value"
        raise UserError(
            f"The label {label.name!r} has {found} in the training rows; "
            "a classification needs two classes: check label.from, the split and the rows."
        )
    if len(classes) > 1000:
        raise UserError(
            f"The label {label.name!r} has more than 1000 classes; make its task 'regression'."
        )
    return tuple(classes)


def encode_label(
    table: "DataFrame", label: "Label", classes: tuple[str, ...] | None
) -> "DataFrame":
    """Turns the classes into their indices (int32); a class not among them becomes missing."""
    from pyspark.sql import functions as F

    if classes is None:
        return table
    pairs = [F.lit(part) for i, name in enumerate(classes) for part in (name, i)]
    codes = F.create_map(*pairs)
    return table.withColumn(label.name, codes[F.col(quoted(label.name))].cast("int"))


def check_classes(recipe: "Recipe", classes: tuple[str, ...] | None) -> None:
    """Refuses a recipe that asks of three or more classes what is for two.

    Raises:
        UserError: If it does.
    """
    if not classes or len(classes) <= 2:
        return
    for metric in (recipe.metric, *recipe.promote.at_least):
        if metric in ("pr_auc", "brier"):
            raise UserError(
                f"The metric {metric!r} is for two classes, and the label has {len(classes)}; "
                "choose log_loss, roc_auc or accuracy."
            )
    if recipe.threshold.cost:
        raise UserError(
            f"A threshold is for two classes, and the label has {len(classes)}; remove 'threshold' "
            "from the recipe."
        )
