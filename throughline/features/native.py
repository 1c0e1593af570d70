"""Narwhals expressions in Polars' own form, made once for many small frames."""

from collections.abc import Iterable
from typing import Any

import narwhals as nw
import polars as pl


def polars_expressions(expressions: Iterable[nw.Expr]) -> list[pl.Expr]:
    """The same expressions for Polars.

    A Narwhals frame translates its expressions on every call, which takes a single row three times
    as long as computing them. Narwhals has no public name for the translation alone.
    """
    namespace: Any = nw.from_native(pl.DataFrame()).__narwhals_namespace__()
    found: list[Any] = [expression._to_compliant_expr(namespace) for expression in expressions]
    return [translated.native for translated in found]
