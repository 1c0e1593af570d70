"""The draft of a recipe: what is said about each column, and the YAML with its comments."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from throughline.drafting.columns import COUNTED_EXACTLY, Column, Table
from throughline.errors import UserError
from throughline.strict import nearest

_LIKELY_LABELS = ("label", "target", "y", "class", "outcome", "response", "churn", "survived")
MOST_CLASSES = 20
MOSTLY_MISSING = 0.6
FEW_CATEGORIES = 50
_PARTS = ("month", "day_of_week", "hour")


@dataclass(frozen=True)
class Findings:
    """What was found out about a table.

    Attributes:
        reference: The table's name in the recipe.
        table: Its columns.
        label: The label's column.
        key: The columns of the key.
        unique: Whether the key tells every row apart.
        leaks: The leak suspects, and how it shows.
    """

    reference: str
    table: Table
    label: Column
    key: Sequence[str]
    unique: bool
    leaks: Mapping[str, str]

    @property
    def classification(self) -> bool:
        """Whether the label is a class."""
        return self.label.kind != "number" or (
            self.label.whole and self.label.distinct <= MOST_CLASSES
        )

    def of_kind(self, *kinds: str) -> list[Column]:
        """The columns that may become features."""
        return [
            column
            for column in self.table.columns.values()
            if column.kind in kinds
            and column.name != self.label.name
            and column.name not in self.leaks
            and not (self.unique and column.name in self.key and column.kind != "time")
            and not left_out(column)
        ]


def left_out(column: Column) -> str:
    """Why a column is not worth a feature; empty if it is."""
    if column.distinct <= 1:
        return "constant" if column.distinct else "always missing"
    if column.missing_share > MOSTLY_MISSING:
        return f"missing in {column.missing_share:.0%} of the rows"
    if column.kind == "text" and column.distinct > 0.5 * (column.rows - column.missing):
        return "nearly every row has a text of its own"
    return ""


def likely_label(table: Table, name: str) -> Column:
    """The column called ``name``; for ``none`` the likeliest one.

    Raises:
        UserError: If there is no such column, or none that could be a label.
    """
    columns = table.columns
    if name != "none":
        if name not in columns:
            raise UserError(f"There is no column {name!r} for the label; {nearest(name, columns)}.")
        return columns[name]
    for likely in _LIKELY_LABELS:
        for column in columns.values():
            if column.name.lower() == likely and column.distinct > 1:
                return column
    usable = [c for c in columns.values() if c.kind != "time" and c.distinct > 1]
    classes = [c for c in usable if c.distinct == 2] or [
        c for c in usable if c.distinct <= MOST_CLASSES and (c.kind != "number" or c.whole)
    ]
    numbers = [c for c in usable if c.kind == "number"]
    if not classes and not numbers:
        raise UserError("No column looks like a label; name one with -P label=COLUMN.")
    return (classes or numbers)[-1]


def draft_recipe(name: str, found: Findings) -> str:
    """The recipe as YAML, with a comment for every choice."""
    times = found.of_kind("time")
    texts = found.of_kind("text")
    few = [c for c in texts if c.distinct <= FEW_CATEGORIES]
    few += [c for c in found.of_kind("boolean") if c.missing]
    flags = [c for c in found.of_kind("boolean") if not c.missing]
    many = [c for c in texts if c.distinct > FEW_CATEGORIES]
    numbers = found.of_kind("number")
    missing = [c for c in numbers if c.missing]
    parts = [
        f"# A draft for {found.reference}, {found.table.rows:,} rows. Read it, change it, run it:\n"
        f"#   python3.11 -m throughline run -P recipe=<this file>\n"
        f"name: {_word(name)}\n",
        f"source:\n  table: {_word(found.reference)}\n",
        _columns_seen(found),
        _key(found),
        _label(found),
        _leaks(found),
        _split(found, times),
        "prepare:                     # in order; learnt on the training rows only\n"
        f"  - drop_rows: {{missing: [{_word(found.label.name)}]}}\n",
        _line("impute", [c.name for c in missing], "strategy: median, flag: true"),
        _line("impute", [c.name for c in numbers if not c.missing], "strategy: median"),
        "".join(
            f"  - date_parts: {{column: {_word(c.name)}, parts: [{', '.join(_PARTS)}],"
            " time_zone: UTC}   # change the zone to that of the place\n"
            for c in times
        ),
        _line("impute", [n for c in times if c.missing for n in _parts(c)], "strategy: median"),
        _line("frequency", [c.name for c in many], ""),
        _line("one_hot", [c.name for c in few], f"max_categories: {FEW_CATEGORIES}"),
        _line("scale", [c.name for c in numbers], "with: standard"),
        _features(found, times, [*flags, *few], many, numbers, missing),
        _models(found),
    ]
    return "\n".join(part for part in parts if part).replace("\n\n  -", "\n  -")


def _parts(column: Column) -> list[str]:
    return [f"{column.name}_{part}" for part in _PARTS]


def _word(name: str) -> str:
    """A name as YAML: as it is where it is a plain word, else quoted."""
    if re.fullmatch(r"[A-Za-z_][\w/.:*-]*[\w/*]|[A-Za-z_]", name) and name.lower() not in (
        "true",
        "false",
        "null",
    ):
        return name
    return json.dumps(name, ensure_ascii=False)


def _words(names: Sequence[str]) -> str:
    return ", ".join(_word(name) for name in names)


def _line(op: str, columns: Sequence[str], arguments: str) -> str:
    more = f", {arguments}" if arguments else ""
    return f"  - {op}: {{columns: [{_words(columns)}]{more}}}\n" if columns else ""


def _columns_seen(found: Findings) -> str:
    lines = ["# What the columns hold:"]
    for column in found.table.columns.values():
        about = "about " if column.distinct > COUNTED_EXACTLY else ""
        facts = [column.kind, f"{about}{column.distinct:,} values"]
        if column.lowest is not None:
            facts.append(f"{column.lowest} to {column.highest}")
        if column.missing:
            facts.append(f"{column.missing_share:.1%} missing")
        lines.append(f"#   {_word(column.name)}: {', '.join(facts)}")
    lines += [f"#   {_word(name)}: of a type that is not read" for name in found.table.unread]
    return "\n".join(lines) + "\n"


def _key(found: Findings) -> str:
    why = (
        "tells every row apart"
        if found.unique
        else "no column tells every row apart; name what does, if there is something"
    )
    return f"key: [{_words(found.key)}]          # {why}\n"


def _label(found: Findings) -> str:
    task = "classification" if found.classification else "regression"
    return f"label: {{name: {_word(found.label.name)}, task: {task}}}\n"


def _leaks(found: Findings) -> str:
    if not found.leaks:
        return "# known_after: []            # what is known only after the label; never features\n"
    lines = [f"  - {_word(name)}   # {how}" for name, how in found.leaks.items()]
    return (
        "known_after:                 # suspected leaks: remove what a request would really carry\n"
        + "\n".join(lines)
        + "\n"
    )


def _split(found: Findings, times: Sequence[Column]) -> str:
    whole = [c for c in times if not c.missing]
    if whole:
        by = _word(whole[0].name)
        return f"split: {{by: {by}, test: 0.2, validation: 0.15}}   # the newest rows test\n"
    if found.classification:
        return "split: {stratified: {test: 0.2, validation: 0.15}, seed: 7}\n"
    return "split: {random: {test: 0.2, validation: 0.15}, seed: 7}\n"


def _features(
    found: Findings,
    times: Sequence[Column],
    few: Sequence[Column],
    many: Sequence[Column],
    numbers: Sequence[Column],
    missing: Sequence[Column],
) -> str:
    names = [c.name for c in (*numbers, *few)]
    names += [f"{c.name}_missing" for c in missing]
    names += [f"{c.name}_frequency" for c in many]
    names += [name for c in times for name in _parts(c)]
    listed = "\n".join(f"  - {_word(name)}" for name in names)
    kept = {c.name for c in found.table.columns.values()} - {found.label.name, *found.leaks}
    out = [
        f"# not used: {_word(c.name)} ({left_out(c)})"
        for c in found.table.columns.values()
        if c.name in kept and left_out(c) and not (found.unique and c.name in found.key)
    ]
    return "\n".join(["features:", listed, *out]) + "\n"


def _models(found: Findings) -> str:
    metric = "rmse" if not found.classification else "roc_auc"
    return (
        f"metric: {metric}\n\n"
        "models:\n  - {family: spark_linear}\n  - {family: xgboost}\n"
        "  # - {family: network, parameters: {hidden: [64, 32], dropout: 0.1}}\n\n"
        "search:\n  family: xgboost\n  max_evals: 4\n  space:\n"
        "    max_depth: {randint: [3, 8]}\n    learning_rate: {loguniform: [0.03, 0.3]}\n\n"
        "promote: {beat_champion: true}   # add at_least: {"
        f"{metric}: ...}} to set a bar\n"
    )
