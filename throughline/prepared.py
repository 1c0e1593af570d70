"""A prepared table, as the steps after prep read it: with pyarrow, or on Spark."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from throughline.contract.contract import Contract
from throughline.errors import UserError
from throughline.features.layout import Layout
from throughline.features.plan import Plan
from throughline.label import check_classes
from throughline.moments import in_nanoseconds
from throughline.outputs import KEY, Output
from throughline.recipe.file import load_recipe, with_overrides
from throughline.recipe.overrides import NONE
from throughline.recipe.parts import LATER, prepared_otherwise
from throughline.recipe.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.dataset as ds
    from pyspark.sql import DataFrame, SparkSession

Columns = Mapping[str, npt.NDArray[Any]]

PREP = "prep"
"""In the place of a recipe's file: the recipe that prep was given."""


@dataclass(frozen=True)
class PreparedTable:
    """The parts ``train``, ``validation`` and ``test`` of a finished preparation.

    Attributes:
        output: Where it is.
        instead: A recipe in the place of the one it was made by, which prepares the same.
    """

    output: Output
    instead: Recipe | None = field(default=None, hash=False)

    @classmethod
    def open(cls, uri: str) -> Self:
        """Opens a finished preparation.

        Raises:
            UserError: If there is none at ``uri``.
        """
        return cls(Output.finished(uri))

    @cached_property
    def plan(self) -> Plan:
        """The feature plan that made the table."""
        return Plan.from_json(self.output.read_text("plan.json"))

    @cached_property
    def contract(self) -> Contract | None:
        """What the training rows are like; None for a preparation from before there was one."""
        try:
            return Contract.from_json(self.output.read_text("contract.json"))
        except FileNotFoundError:
            return None

    @property
    def layout(self) -> Layout:
        """What the columns are."""
        return self.plan.layout

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe that the table was prepared by, or the one that is used in its place."""
        if self.instead:
            return self.instead
        return Recipe.model_validate_json(self.output.read_text("recipe.json"))

    @cached_property
    def key(self) -> str:
        """What tells whether two tables hold the same; the address where prep left no key."""
        return str(self.output.manifest().get(KEY) or self.output.uri)

    def under(self, recipe: Recipe) -> Self:
        """The same table for training by another recipe.

        Raises:
            UserError: If that recipe would prepare another table, or asks of this one what it
                cannot give.
        """
        if differing := prepared_otherwise(self.recipe, recipe):
            raise UserError(
                f"The recipe {recipe.name} does not prepare the table at {self.output.uri}: they "
                f"differ in {', '.join(differing)}; run prep with this recipe first."
            )
        check_classes(recipe, self.layout.classes)
        if unknown := set(recipe.slices) - set(self._dataset("raw/__split=train").schema.names):
            raise UserError(
                f"The recipe {recipe.name} has the slice {min(unknown)!r}, which is no column of "
                "the table; remove it from 'slices'."
            )
        return replace(self, instead=recipe)

    @cached_property
    def rows(self) -> dict[str, int]:
        """How many rows each part has."""
        return dict(self.output.manifest()["rows"])

    def columns(self, part: str) -> Columns:
        """The features and the label of a part, as numpy arrays by name; missing is NaN."""
        table = self._dataset(part).to_table()
        return {name: table[name].to_numpy() for name in table.column_names}

    def on_spark(self, spark: "SparkSession", part: str) -> "DataFrame":
        """A part on Spark."""
        return spark.read.parquet(self.output.path(part))

    def raw_rows(
        self, part: str, limit: int | None = None, columns: Collection[str] | None = None
    ) -> "pd.DataFrame":
        """Rows as a request carries them, with their key and label, in the order of the key.

        Args:
            part: The part of the split.
            limit: At most so many rows, the first ones by key.
            columns: The raw columns to read beside key and label; all of them if left out.
        """
        import pyarrow.compute as pc
        import pyarrow.dataset as ds

        label = self.recipe.label.name
        known = ~ds.field(label).is_null()
        if self.layout.classes:  # a class that training never saw cannot be measured
            known &= ds.field(label).isin(list(self.layout.classes))
        names = None if columns is None else list({label, *self.recipe.key, *columns})
        table = self._dataset(f"raw/__split={part}").to_table(names, filter=known)
        order = [(name, "ascending") for name in self.recipe.key]
        chosen = pc.sort_indices(table.select(list(self.recipe.key)), sort_keys=order)
        return table.take(chosen[:limit] if limit else chosen).to_pandas()

    def example(self) -> "pd.DataFrame":
        """One raw training row as a request carries it; one that misses nothing if it is near."""
        names = [column.name for column in self.plan.inputs]
        rows = self._dataset("raw/__split=train").head(1000, columns=names).to_pandas()
        moments = [column.name for column in self.plan.inputs if column.type == "timestamp"]
        rows = rows.assign(**{name: in_nanoseconds(rows[name]) for name in moments})
        complete = rows.dropna()
        return (rows if complete.empty else complete).head(1)

    def labels_of(self, rows: "pd.DataFrame") -> npt.NDArray[Any]:
        """The labels of raw rows: the class's index, or the value for regression."""
        values = rows[self.recipe.label.name]
        if self.layout.classes is None:
            return values.to_numpy(dtype=np.float64)
        index = {name: i for i, name in enumerate(self.layout.classes)}
        return np.array([index.get(value, -1) for value in values], dtype=np.int32)

    def features_with_missing(self, part: str) -> Sequence[str]:
        """The features that have missing values in a part."""
        import pyarrow.compute as pc

        names = [feature.name for feature in self.layout.features]
        table = self._dataset(part).to_table(columns=names)
        return [name for name in names if table[name].null_count or _any_nan(pc, table[name])]

    def _dataset(self, name: str) -> "ds.Dataset":
        import pyarrow.dataset as ds
        from fsspec.core import url_to_fs

        files, path = url_to_fs(self.output.path(name))
        # Spark's moments, of 96 bits, would be in nanoseconds, where 9999 becomes 1816
        form = ds.ParquetFileFormat(coerce_int96_timestamp_unit="us")
        return ds.dataset(path, format=form, filesystem=files)


def table_for_training(
    prep_run: str, recipe: str = PREP, overrides: str = NONE, parts: Collection[str] = LATER
) -> PreparedTable:
    """The table that a run of prep made, with the recipe to train by; see :func:`under_recipe`.

    Args:
        prep_run: The run, or ``latest``.
        recipe: A recipe's file, or ``prep``.
        overrides: Values in the place of the recipe's.
        parts: The parts of prep's recipe that may be overridden.

    Raises:
        UserError: If there is no such table, it is damaged, or the recipe would prepare another.
    """
    from throughline.tracking import prepared_uri

    table = PreparedTable.open(prepared_uri(prep_run))
    # Without a file there would just be fewer rows.
    if damage := table.output.damage(copied=True):
        raise UserError(f"The table of prep is damaged ({damage}); run prep again.")
    return under_recipe(table, recipe, overrides, parts)


def under_recipe(
    table: PreparedTable, recipe: str, overrides: str = NONE, parts: Collection[str] = LATER
) -> PreparedTable:
    """A prepared table with another recipe.

    Args:
        table: The table.
        recipe: A recipe's file, or ``prep`` for the recipe that the table was made by.
        overrides: Values in the place of the recipe's, as by ``load_recipe``.
        parts: The parts of the table's own recipe that may be overridden.

    Raises:
        UserError: If the recipe would prepare another table.
    """
    if recipe != PREP:
        return table.under(load_recipe(recipe, overrides))
    if overrides == NONE:
        return table
    return table.under(with_overrides(table.recipe, overrides, parts))


@dataclass(frozen=True)
class KeptTable(PreparedTable):
    """A prepared table whose parts to train on stay in memory as arrays; change none."""

    @cached_property
    def _kept(self) -> dict[str, Columns]:
        return {}

    def columns(self, part: str) -> Columns:
        """As of any prepared table; other parts than the test rows are read once."""
        if part == "test":
            return super().columns(part)
        if part not in self._kept:
            self._kept[part] = super().columns(part)
        return self._kept[part]


@dataclass(frozen=True)
class EveryRow(PreparedTable):
    """A prepared table whose training rows are the validation rows too.

    These were not balanced: where rows have weights, theirs are 1.
    """

    @cached_property
    def rows(self) -> dict[str, int]:
        """How many rows each part has."""
        rows = super().rows
        return {**rows, "train": rows["train"] + rows["validation"]}

    def columns(self, part: str) -> Columns:
        """As of any prepared table."""
        if part != "train":
            return super().columns(part)
        train, more = super().columns("train"), dict(super().columns("validation"))
        if self.layout.weight:
            more[self.layout.weight] = np.ones(len(more[self.layout.label]), dtype=np.float32)
        return {name: np.concatenate([train[name], more[name]]) for name in train}

    def on_spark(self, spark: "SparkSession", part: str) -> "DataFrame":
        """A part on Spark."""
        from pyspark.sql import functions as F

        rows = super().on_spark(spark, part)
        if part != "train":
            return rows
        more = super().on_spark(spark, "validation")
        if self.layout.weight:
            more = more.withColumn(self.layout.weight, F.lit(1.0))
        return rows.unionByName(more)


def contract_of(prep_run: str) -> Contract:
    """The contract that an earlier run of prep learnt; ``latest`` is the last one that finished.

    Raises:
        UserError: If the run did not finish, or is from before there were contracts.
    """
    from throughline.tracking import prepared_uri

    table = PreparedTable.open(prepared_uri(prep_run, "contract"))
    if table.contract is None:
        raise UserError(f"The run {prep_run} has no data contract; give contract a newer run.")
    return table.contract


def _any_nan(pc: Any, column: Any) -> bool:
    return str(column.type) == "float" and bool(pc.any(pc.is_nan(column)).as_py())
