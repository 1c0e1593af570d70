"""Programs as Spark expressions, without user-defined functions."""

from collections.abc import Mapping, Sequence
from itertools import chain

from pyspark.sql import Column
from pyspark.sql import functions as F

from throughline.features.by_example.classes import BLANKS, LOWER, OF_ENGINES, UPPER
from throughline.features.op import quoted

_LETTERS_AND_REST = f"{OF_ENGINES.inside['letters']}+|{OF_ENGINES.outside['letters']}+"


class OnSpark:
    """The operations on columns of a Spark table."""

    dialect = OF_ENGINES

    def column(self, name: str) -> Column:
        """The table's column."""
        return F.col(quoted(name))

    def constant(self, text: str) -> Column:
        """A literal."""
        return F.lit(text)

    def extract(self, text: Column, pattern: str, group: int = 1) -> Column:
        """The first of all matches; ``regexp_extract`` gives an empty text where there is none."""
        return F.get(F.regexp_extract_all(text, F.lit(pattern), F.lit(group)), F.lit(0))

    def cut(self, text: Column, start: Column, end: Column) -> Column:
        """By ``substr``."""
        first, last = F.length(start), F.length(end)
        return F.when(last >= first, text.substr(first + 1, last - first))

    def concatenate(self, texts: Sequence[Column]) -> Column:
        """By ``concat``."""
        return F.concat(*texts)

    def replace(self, text: Column, old: str, new: str) -> Column:
        """By ``replace``."""
        return F.replace(text, F.lit(old), F.lit(new))

    def remove(self, text: Column, pattern: str) -> Column:
        """By ``regexp_replace``."""
        return F.regexp_replace(text, pattern, "")

    def map_characters(self, text: Column, table: Mapping[str, str]) -> Column:
        """By ``translate``."""
        return F.translate(text, "".join(table), "".join(table.values()))

    def capitalise(self, text: Column) -> Column:
        """Runs of letters and what is between them, each with its first character raised."""
        runs = F.regexp_extract_all(text, F.lit(_LETTERS_AND_REST), F.lit(0))
        return F.array_join(F.transform(runs, self._capitalised), "")

    def _capitalised(self, run: Column) -> Column:
        first = self.map_characters(F.substring(run, 1, 1), UPPER)
        rest = run.substr(F.lit(2), F.length(run))
        return F.concat(first, self.map_characters(rest, LOWER))

    def strip(self, text: Column) -> Column:
        """By ``btrim``."""
        return F.btrim(text, F.lit(BLANKS))

    def pad(self, text: Column, width: int) -> Column:
        """By ``lpad``, which would cut a longer text."""
        length = F.greatest(F.length(text), F.lit(width))
        return F.call_function("lpad", text, length, F.lit("0"))

    def look_up(self, text: Column, table: Mapping[str, str]) -> Column:
        """By a map."""
        entries = F.create_map(*[F.lit(entry) for entry in chain(*table.items())])
        return F.try_element_at(entries, text)

    def weekday(self, date: Column) -> Column:
        """By Spark's calendar."""
        return self.pad((F.weekday(F.try_to_timestamp(date)) + 1).cast("string"), 2)
