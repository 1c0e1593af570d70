"""From a table's name to the draft of a recipe."""

import re
from typing import TYPE_CHECKING

from throughline.drafting.columns import look_at, unique_key
from throughline.drafting.draft import Findings, draft_recipe, left_out, likely_label
from throughline.drafting.leaks import leak_suspects
from throughline.errors import UserError
from throughline.sources.tables import read_table, readable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def draft_for(spark: "SparkSession", reference: str, data_root: str, label: str = "none") -> str:
    """Reads a table and drafts a recipe for it.

    Args:
        spark: The session.
        reference: The table, as a recipe names it.
        data_root: Where samples are kept as Parquet.
        label: The label's column; ``none`` takes the likeliest one.

    Raises:
        UserError: If there is no such table or column, or no column is left for a feature.
    """
    with readable(reference):
        rows = read_table(spark, reference, data_root)
        table = look_at(rows, reference)
        target = likely_label(table, label)
        others = [c for c in table.columns.values() if c.name != target.name]
        if not others:
            raise UserError(f"The table {reference} has no column that could tell {target.name!r}.")
        unique = unique_key(rows, others)
        usable = [c for c in others if c.name != unique and not left_out(c)]
        leaks = leak_suspects(rows, usable, target)
    known = [c.name for c in others if c.name not in leaks]
    key = [unique] if unique else known or [others[0].name]
    found = Findings(reference, table, target, key, unique is not None, leaks)
    if not found.of_kind("number", "boolean", "text", "time"):
        raise UserError(f"The table {reference} has no column that could tell {target.name!r}.")
    return draft_recipe(_name_of(reference), found)


def _name_of(reference: str) -> str:
    last = re.sub(r"[^A-Za-z0-9_-]+", "-", reference.rstrip("/*").split("/")[-1].split(".")[0])
    return (
        last.strip("-") if re.match(r"[A-Za-z]", last) else f"table-{last.strip('-')}".rstrip("-")
    )
