"""A feature plan for people: ``python -m throughline.features.plan show PATH``."""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.features.layout import Feature, Layout
from throughline.features.plan import Plan
from throughline.features.plan_file import plan_at

if TYPE_CHECKING:
    from rich.console import Console

USAGE = "python -m throughline.features.plan show PATH"
ABOUT = """
Prints what a feature plan reads, what its ops learnt and which features come out. PATH is a
plan.json, or a folder with one: a prepared table, a model.
"""
WIDTH = 160
"""Of what goes into a file or a pipe, which have no width of their own."""


def main(arguments: Sequence[str]) -> int:
    """Prints a plan; returns the exit code, 2 after a user's mistake."""
    try:
        match arguments:
            case ["-h" | "--help"]:
                sys.stdout.write(f"usage: {USAGE}\n{ABOUT}")
            case ["show", path]:
                show(plan_at(path), _console())
            case _:
                raise UserError(f"Call it as {USAGE}, where PATH is a plan or a folder with one.")
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def show(plan: Plan, console: "Console") -> None:
    """Prints a plan: its inputs, its ops, its features and the label."""
    inputs = [(i.name, i.type, "optional" if i.optional else "") for i in plan.inputs]
    features = [(f.name, kind_of(f), *origin_of(plan, f.name)) for f in plan.layout.features]
    inputs_title, ops_title = f"Inputs ({len(inputs)})", f"Ops ({len(plan.ops)})"
    _print(console, inputs_title, ("column", "type", ""), inputs)
    _print(console, ops_title, ("", "op", "column", "what it learnt"), list(learnt(plan)))
    _print(console, f"Features ({len(features)})", ("feature", "kind", "from", "through"), features)
    _print(console, "Label", ("label", "task", "classes"), [label_of(plan.layout)])


def learnt(plan: Plan) -> Iterator[tuple[str, str, str, str]]:
    """A row per op and column: the op's number and name (once), the column, what was learnt."""
    for number, op in enumerate(plan.ops, 1):
        lines = op.describe() or {"": "nothing to learn"}
        for i, (column, words) in enumerate(lines.items()):
            yield ("" if i else str(number), "" if i else op.name, column, words)


def kind_of(feature: Feature) -> str:
    """What a feature is, in words."""
    if feature.kind == "numeric":
        return "number"
    return f"category of {feature.cardinality}, seen as {feature.view}"


def origin_of(plan: Plan, feature: str) -> tuple[str, str]:
    """The raw columns that a feature comes from, and the ops in between; empty where not known."""
    origin = plan.origins.get(feature)
    return (", ".join(origin.columns), ", ".join(origin.ops)) if origin else ("", "")


def label_of(layout: Layout) -> tuple[str, str, str]:
    """The label, the task and the classes."""
    return layout.label, layout.task, ", ".join(layout.classes or ())


def _console() -> "Console":
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH
    return console


def _print(
    console: "Console", title: str, head: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])  # Text: a name may hold [brackets]
    console.print(table)
