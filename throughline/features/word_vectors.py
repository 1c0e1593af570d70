"""The words of a text, and the mean of their vectors; one kernel per engine, the same on both.

A word is a run of letters, marks and digits in any script, in lower case.
"""

import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict

from throughline.features.op import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_WORD = r"[\p{L}\p{M}\p{N}]+"
_FINAL_SIGMA, _SIGMA = "ς", "σ"
"""The engines do not agree on where a sigma is the last one of a word."""

_BUCKETS = "array<array<struct<word: string, vector: array<double>>>>"


@dataclass(frozen=True, eq=False)  # arrays have no truth value when models are compared
class _Index:
    """The place of each word, and the vectors with the mean below them."""

    places: dict[str, int]
    vectors: npt.NDArray[np.float64]


class WordVectors(BaseModel):
    """A vector for each word, and their mean for any other word.

    Attributes:
        words: The words.
        vectors: For each its vector.
        mean: The mean of all vectors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: tuple[str, ...]
    vectors: tuple[tuple[float, ...], ...]
    mean: tuple[float, ...]

    @cached_property
    def _index(self) -> "_Index":
        places = {word: place for place, word in enumerate(self.words)}
        return _Index(places, np.array([*self.vectors, self.mean]))

    def mean_of_texts(self, texts: pl.Series) -> npt.NDArray[np.float64]:
        """The mean vector of each text's words, (n, size); of no word it is :attr:`mean`."""
        lower = texts.str.to_lowercase().str.replace_all(_FINAL_SIGMA, _SIGMA, literal=True)
        lists = lower.str.extract_all(_WORD)
        counts = lists.list.len().fill_null(0).to_numpy()
        rows = np.repeat(np.arange(len(texts)), counts)
        words = lists.explode().drop_nulls().to_list()
        places = [self._index.places.get(word, len(self.words)) for word in words]
        found = np.tile(self.mean, (len(texts), 1))
        any_word = counts > 0
        for i, values in enumerate(self._index.vectors[places].T):
            sums = np.bincount(rows, weights=values, minlength=len(texts))
            found[any_word, i] = sums[any_word] / counts[any_word]
        return found

    def with_mean(self, table: "DataFrame", column: str, outputs: list[str]) -> "DataFrame":
        """Adds the mean vector of each text's words to a Spark table, as the columns ``outputs``.

        The words are looked up in a literal of buckets by their CRC: a join would have to tear the
        rows apart and shuffle them together again.
        """
        from pyspark.sql import functions as F

        buckets = F.from_json(F.lit(json.dumps(self._buckets)), _BUCKETS)
        mean = F.array(*[F.lit(value) for value in self.mean])

        def vector(word: "Column") -> "Column":
            bucket = F.get(buckets, F.crc32(word) % F.lit(len(self.words)))
            same = F.filter(bucket, lambda entry: entry["word"] == word)
            return F.coalesce(F.get(same, F.lit(0))["vector"], mean)

        def plus(total: "Column", other: "Column") -> "Column":
            return F.zip_with(total, other, lambda one, two: one + two)

        zero = F.array(*[F.lit(0.0) for _ in self.mean])
        sums = F.aggregate(F.transform("__words", vector), zero, plus)
        count = F.size("__words")
        means = {
            name: F.when(count > 0, F.get("__sums", F.lit(i)) / count).otherwise(self.mean[i])
            for i, name in enumerate(outputs)
        }
        with_words = table.withColumn("__words", words_of(column))
        return with_words.withColumn("__sums", sums).withColumns(means).drop("__words", "__sums")

    @property
    def _buckets(self) -> list[list[dict[str, object]]]:
        buckets: list[list[dict[str, object]]] = [[] for _ in self.words]
        for word, vector in zip(self.words, self.vectors, strict=True):
            place = zlib.crc32(word.encode()) % len(buckets)
            buckets[place].append({"word": word, "vector": vector})
        return buckets


def words_of(column: str) -> "Column":
    """The words of a text on Spark, in order; none of a missing text."""
    from pyspark.sql import functions as F

    lower = F.translate(F.lower(F.col(quoted(column))), _FINAL_SIGMA, _SIGMA)
    words = F.regexp_extract_all(lower, F.lit(_WORD), F.lit(0))
    return F.coalesce(words, F.array().cast("array<string>"))
