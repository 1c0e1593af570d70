"""``embed``: words or categories as vectors in which those used alike are near each other.

Word2Vec with skip-grams and hierarchical softmax, as Spark ML has it (Mikolov et al., "Efficient
Estimation of Word Representations in Vector Space", arXiv:1301.3781, 2013); of categories, for
which a sequence such as a plane's destinations is the sentence: Barkan and Koenigstein, "Item2Vec",
arXiv:1603.04259, 2016.
"""

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
import numpy as np
import polars as pl
from pydantic import Field, model_validator

from throughline.errors import UserError
from throughline.features.lookup import Lookup
from throughline.features.native import Expressions, collected, like
from throughline.features.op import (
    FittedOp,
    Frame,
    Kind,
    Learnt,
    Op,
    Schema,
    listed,
    quoted,
)
from throughline.features.word_vectors import WordVectors, words_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_MOST_WORDS = 50_000
"""The vectors are learnt in one machine's memory, and the plan carries them."""

_SENTENCE = "words"


class FittedEmbed(FittedOp):
    """The vectors of a column's words, or of its values.

    Attributes:
        column: The column.
        whole: Whether a value is one word.
        vectors: The vectors.
    """

    name: ClassVar[str] = "embed"
    column: str
    whole: bool
    vectors: WordVectors

    def apply(self, frame: Frame) -> Frame:
        """Adds the vector's numbers."""
        outputs = output_names(self.column, len(self.vectors.mean))
        if self.whole:
            return self._filled.added_to(self._lookup.join(frame))
        table = frame.to_native()
        if frame.implementation.is_pyspark():
            return nw.from_native(self.vectors.with_mean(table, self.column, outputs))
        rows = collected(table)
        found = self.vectors.mean_of_texts(rows[self.column])
        numbers = [pl.Series(name, found[:, i]) for i, name in enumerate(outputs)]
        return nw.from_native(like(table, rows.with_columns(numbers)))

    @cached_property
    def _filled(self) -> Expressions:
        means = zip(
            output_names(self.column, len(self.vectors.mean)), self.vectors.mean, strict=True
        )
        return Expressions(nw.col(name).fill_null(mean) for name, mean in means)

    @cached_property
    def _lookup(self) -> Lookup:
        names = output_names(self.column, len(self.vectors.mean))
        figures = zip(names, zip(*self.vectors.vectors, strict=True), strict=True)
        return Lookup(
            keys={self.column: list(self.vectors.words)},
            figures={name: list(values) for name, values in figures},
        )

    def describe(self) -> dict[str, str]:
        """What has a vector."""
        words = self.vectors.words
        what = "values" if self.whole else "words"
        said = f"vectors of {len(words)} {what} ({listed(words)}); their mean for any other"
        return {self.column: said}


class Embed(Op):
    """Adds the numbers of a vector that Word2Vec learnt.

    Without ``sequence_by``, the column is text, and a text's vector is the mean of its words'
    vectors. With it, the column's values are the words, and the values of the rows that share
    ``sequence_by``, in the order of ``order_by``, are a sentence; these two are read to learn only.

    A word or value that was seen less than ``min_count`` times, and a missing one, has the mean of
    all vectors. (Spark ML's own transform leaves an unseen word out of the sum but counts it.)
    """

    name: ClassVar[str] = "embed"
    accepts: ClassVar[frozenset[Kind]] = frozenset(
        {"text", "number", "time", "boolean", "category"}
    )

    column: str
    sequence_by: str | None = Field(default=None, description="What has a sequence of values.")
    order_by: str | None = Field(default=None, description="The order of its values.")
    size: int = Field(default=8, ge=1, le=256)
    min_count: int = Field(default=5, ge=1)
    window: int = Field(default=5, ge=1, le=100)
    iterations: int = Field(default=5, ge=1, le=100)
    seed: int = 7

    @model_validator(mode="after")
    def _both_or_none(self) -> "Embed":
        if (self.sequence_by is None) != (self.order_by is None):
            raise ValueError("'sequence_by' and 'order_by' go together")
        return self

    def reads(self) -> list[str]:
        """The column, and what makes sequences of its values."""
        return [self.column, *filter(None, (self.sequence_by, self.order_by))]

    def applies_to(self) -> list[str]:
        """The column alone."""
        return [self.column]

    def sources_of(self, written: str) -> list[str]:
        """The column alone."""
        return [self.column]

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that the column is text."""
        after = super().check(schema)
        if schema[self.column] != "text":
            raise UserError(
                f"The op embed cannot read the column {self.column!r}, which is of kind "
                f"{schema[self.column]}; it embeds text."
            )
        return after

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The vector's numbers."""
        return dict.fromkeys(output_names(self.column, self.size), "number")

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedEmbed:
        """Learns the vectors; in one task, so that they follow from the rows and the seed.

        Raises:
            UserError: If no word is seen often enough, or too many are.
        """
        from pyspark.ml.feature import Word2Vec

        sentences = self._sentences(training)
        self._has_words(sentences)
        model = Word2Vec(
            inputCol=_SENTENCE,
            outputCol="vector",
            vectorSize=self.size,
            minCount=self.min_count,
            windowSize=self.window,
            maxIter=self.iterations,
            seed=self.seed,
            numPartitions=1,
        ).fit(sentences.orderBy(_SENTENCE).coalesce(1))
        found = sorted((row[0], row[1].toArray()) for row in model.getVectors().collect())
        # float32 has no more digits
        vectors = np.array([[float(f"{v:.7g}") for v in vector] for _, vector in found])
        known = WordVectors(
            words=tuple(word for word, _ in found),
            vectors=tuple(map(tuple, vectors.tolist())),
            mean=tuple(vectors.mean(axis=0).tolist()),
        )
        return FittedEmbed(column=self.column, whole=self.sequence_by is not None, vectors=known)

    def _sentences(self, training: "DataFrame") -> "DataFrame":
        from pyspark.sql import functions as F

        if self.sequence_by is None or self.order_by is None:
            words = training.select(words_of(self.column).alias(_SENTENCE))
            return words.where(F.size(_SENTENCE) > 0)
        entity, moment, value = (
            F.col(quoted(name)) for name in (self.sequence_by, self.order_by, self.column)
        )
        rows = training.select(
            entity.alias("entity"), moment.alias("moment"), value.alias("value")
        ).dropna()
        in_order = F.sort_array(F.collect_list(F.struct("moment", "value")))
        return rows.groupBy("entity").agg(in_order["value"].alias(_SENTENCE)).drop("entity")

    def _has_words(self, sentences: "DataFrame") -> None:
        from pyspark.sql import functions as F

        words = sentences.select(F.explode(_SENTENCE).alias("word")).groupBy("word").count()
        count = words.where(F.col("count") >= self.min_count).count()
        often = f"{self.min_count} times or more in the training rows"
        if not count:
            raise UserError(
                f"The op embed found no value of {self.column!r} that stands there {often}; lower "
                "its min_count or take more rows."
            )
        if count > _MOST_WORDS:
            raise UserError(
                f"The op embed found {count} words of {self.column!r} that stand there {often}; "
                f"raise its min_count until they are at most {_MOST_WORDS}."
            )


def output_names(column: str, size: int) -> list[str]:
    """The names of the vector's numbers."""
    return [f"{column}_embed_{i}" for i in range(size)]
