"""What the written raw rows are like, part by part, counted in one pass over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from throughline.contract.learning import figures_of, missed_in
from throughline.features.op import quoted
from throughline.features.schema import InputType
from throughline.sources.joins import Matches
from throughline.splitting.splitting import PARTS, SPLIT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class RawFigures:
    """The figures of each part; rows that are in none have a part of their own.

    Attributes:
        types: The columns that a plan needs, and their types.
        of_parts: For each part the values of a contract's ``figures_of`` them, in how many rows
            there is a label (``labels``), and in how many each join found something.
    """

    types: Mapping[str, InputType]
    of_parts: Mapping[str | None, Mapping[str, Any]]

    @classmethod
    def of(
        cls,
        rows: "DataFrame",
        types: Mapping[str, InputType],
        label: str,
        joins: Sequence[Matches] = (),
    ) -> "RawFigures":
        """Counts the written rows of all parts, and logs for how many the joins found nothing."""
        from pyspark.sql import functions as F

        joins = [join for join in joins if join.can_tell(rows)]
        labels = F.count(quoted(label)).alias("labels")
        matched = [join.figure(rows).alias(f"matched{i}") for i, join in enumerate(joins)]
        found = rows.groupBy(SPLIT).agg(*figures_of(types), labels, *matched).collect()
        of_parts = {row[SPLIT]: row.asDict() for row in found}
        for i, join in enumerate(joins):
            counts = [(row["rows"], row[f"matched{i}"]) for row in of_parts.values()]
            join.log(*map(sum, zip(*counts, strict=True)) if counts else (0, 0))
        return cls(types, of_parts)

    @property
    def labelled(self) -> dict[str, int]:
        """How many rows of each part have a label."""
        return {part: self.of_parts.get(part, {}).get("labels", 0) for part in PARTS}

    @property
    def optional(self) -> set[str]:
        """The columns that a row of any part misses."""
        missed = [missed_in(figures, self.types) for figures in self.of_parts.values()]
        return set().union(*missed)
