"""``derive_by_example``: a text column learnt from a few pairs of inputs and outputs."""

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

import narwhals as nw
import polars as pl
from pydantic import Field, model_validator

from throughline.features.by_example.choice import missed
from throughline.features.by_example.language import Program
from throughline.features.by_example.learning import learn
from throughline.features.by_example.meaning import evaluate
from throughline.features.by_example.on_polars import OnPolars
from throughline.features.by_example.pieces import Row
from throughline.features.by_example.wording import in_words
from throughline.features.columns import Columns
from throughline.features.op import FittedOp, Frame, Kind, Learnt, Op, Schema, quoted
from throughline.strict import Strict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

logger = logging.getLogger(__name__)

_SAMPLE = 300
_LONGEST = 1000


class FittedDeriveByExample(FittedOp):
    """The program that was found."""

    name: ClassVar[str] = "derive_by_example"
    column: str
    program: Program

    @cached_property
    def _derived(self) -> pl.Expr:
        return evaluate(self.program, OnPolars()).alias(self.column)

    def apply(self, frame: Frame) -> Frame:
        """Adds the column.

        One kernel per engine: Narwhals has no regular expression groups.
        """
        native = frame.to_native()
        if frame.implementation.is_pyspark():
            from throughline.features.by_example.on_spark import OnSpark

            derived = evaluate(self.program, OnSpark())
            return nw.from_native(native.withColumn(self.column, derived))
        return nw.from_native(native.with_columns(self._derived))

    def describe(self) -> dict[str, str]:
        """The program in words."""
        return {self.column: in_words(self.program)}


class Example(Strict):
    """One input and what is wanted for it."""

    inputs: tuple[Annotated[str, Field(max_length=200)], ...] = Field(
        alias="in", description="A text for each column of 'from'."
    )
    output: str = Field(alias="out", max_length=100)


class DeriveByExample(Op):
    """Adds a text column by the simplest program that turns each ``in`` into its ``out``.

    The programs split and take, cut by position or by runs of a class of characters, change the
    case, replace, strip, rewrite dates, write constants, and concatenate all that from one or
    several text columns. The training rows decide between programs that are as simple; where the
    simplest ones still differ on them, the op refuses and asks for another example. The column is
    null where an input is, and where the program does not apply (the second piece of a text that
    has one).

    Source: S. Gulwani, "Automating string processing in spreadsheets using input-output examples",
    POPL 2011.
    """

    name: ClassVar[str] = "derive_by_example"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"text"})

    column: str = Field(alias="name", description="The name of the new column.")
    source: Columns = Field(alias="from", description="Text columns.")
    examples: tuple[Example, ...] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _examples_make_sense(self) -> "DeriveByExample":
        wanted: dict[tuple[str, ...], str] = {}
        for example in self.examples:
            if len(example.inputs) != len(self.source):
                raise ValueError(
                    f"the example {list(example.inputs)} has to give one text for each of "
                    f"{', '.join(self.source)}"
                )
            if wanted.setdefault(example.inputs, example.output) != example.output:
                raise ValueError(f"the input {list(example.inputs)} has two outputs; keep one")
        if not any(wanted.values()):
            raise ValueError("every output is empty; give an example that is not")
        return self

    def reads(self) -> list[str]:
        """The columns of the inputs."""
        return list(self.source)

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The new column."""
        return {self.column: "text"}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedDeriveByExample:
        """Searches the program, with a sample of the training rows' inputs.

        Raises:
            UserError: If no program explains the examples, or several do that differ on the rows.
        """
        inputs = [self._row(example.inputs) for example in self.examples]
        outputs = [example.output for example in self.examples]
        found = learn(self.column, inputs, outputs, self._sample(training))
        logger.info("%s is %s", self.column, in_words(found.program))
        if found.values and missed(found):
            logger.warning(
                "%s is missing or empty for %.0f %% of the inputs looked at",
                self.column,
                100 * missed(found),
            )
        return FittedDeriveByExample(column=self.column, program=found.program)

    def _row(self, texts: tuple[str, ...]) -> Row:
        return dict(zip(self.source, texts, strict=True))

    def _sample(self, training: "DataFrame") -> list[Row]:
        """Some distinct inputs, none null or very long, always the same ones, in one job."""
        from pyspark.sql import functions as F

        columns = [F.col(quoted(name)) for name in self.source]
        short = training.select(*columns)
        for column in columns:
            short = short.where(F.length(column) <= _LONGEST)  # not true of null either
        rows = short.distinct().orderBy(F.xxhash64(*columns)).take(_SAMPLE)
        return [self._row(tuple(row)) for row in rows]
