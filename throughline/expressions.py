"""The expression language of recipes: a whitelist over Python's own grammar, without ``eval``.

Comparison, ``and``/``or``/``not``, ``in``, ``is None``, arithmetic, numbers, text and column names
(``col("any name")`` where a name is no Python word). An expression becomes one Narwhals expression
and so means the same on Spark and on Polars: a comparison with a missing value is missing, and a
division by zero is missing.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, cast

import narwhals as nw

from throughline.errors import UserError


class ExpressionError(UserError, ValueError):
    """An expression that does not parse or leaves the language."""


_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _divide(left: nw.Expr, right: nw.Expr) -> nw.Expr:
    return nw.when(right != 0).then(left / right)


_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divide,
}


def columns_of(expression: str) -> list[str]:
    """The columns that ``expression`` reads, in order of appearance.

    Raises:
        ExpressionError: If the expression does not parse or leaves the language.
    """
    found: dict[str, None] = {}
    _compiled(expression, found)
    return list(found)


def compile_expression(expression: str) -> nw.Expr:
    """Turns ``expression`` into a Narwhals expression.

    Raises:
        ExpressionError: If the expression does not parse or leaves the language.
    """
    return _compiled(expression, {})


def check_kinds(expression: str, kinds: Mapping[str, str]) -> str:
    """The kind of what ``expression`` yields; the engines cast in different ways, so nothing is.

    Args:
        expression: An expression of the language.
        kinds: The kinds of its columns: ``number``, ``text``, ``time`` or ``boolean``; a category's
            code counts as a number, and a column that is not among them is ``other``.

    Raises:
        ExpressionError: If it compares or computes with kinds that do not go together.
    """
    return _kind(_parse(expression), expression, kinds)


def is_condition(expression: str) -> bool:
    """Whether ``expression`` yields true or false rather than a number or text."""
    node = _parse(expression)
    return isinstance(node, ast.Compare | ast.BoolOp) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    )


def check_condition(expression: str) -> str:
    """Returns ``expression`` if it is a condition of the language.

    Raises:
        ExpressionError: If it does not parse, leaves the language or is no condition.
    """
    columns_of(expression)
    if not is_condition(expression):
        raise ExpressionError(
            f"The expression {expression!r} is not a condition; compare something, as in 'x > 0'."
        )
    return expression


def _parse(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or str(error)
        raise ExpressionError(f"The expression {expression!r} does not parse: {reason}.") from None


def _compiled(expression: str, found: dict[str, None]) -> Any:
    try:
        return _compile(_parse(expression), expression, found)
    except RecursionError:
        raise ExpressionError(
            f"The expression {expression[:40]!r}... is nested too deeply; make it shorter."
        ) from None


def _compile(node: ast.expr, text: str, found: dict[str, None]) -> Any:
    def walk(child: ast.expr) -> Any:
        return _compile(child, text, found)

    match node:
        case ast.Constant(value=bool() | int() | float() | str()):
            return nw.lit(cast(bool | float | str, node.value))
        case ast.Name(id=name):
            found[name] = None
            return nw.col(name)
        case ast.Call(
            func=ast.Name(id="col"), args=[ast.Constant(value=str() as name)], keywords=[]
        ):
            found[name] = None
            return nw.col(name)
        case ast.UnaryOp(op=ast.Not()):
            return ~walk(node.operand)
        case ast.UnaryOp(op=ast.USub()):
            return nw.lit(0) - walk(node.operand)
        case ast.BoolOp(op=ast.And()):
            return nw.all_horizontal(*map(walk, node.values), ignore_nulls=False)
        case ast.BoolOp(op=ast.Or()):
            return nw.any_horizontal(*map(walk, node.values), ignore_nulls=False)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _ARITHMETIC[type(op)](walk(left), walk(right))
        case ast.Compare():
            return _compare(node, text, walk)
    raise ExpressionError(
        f"The expression {text!r} uses {ast.unparse(node)!r}, which the recipe's language does not "
        "have; it has comparisons, and, or, not, in, is None, + - * /, numbers, text and columns."
    )


def _compare(node: ast.Compare, text: str, walk: Callable[[ast.expr], Any]) -> Any:
    operands = [node.left, *node.comparators]
    parts = [
        _compare_pair(left, op, right, text, walk)
        for left, op, right in zip(operands, node.ops, operands[1:], strict=False)
    ]
    return parts[0] if len(parts) == 1 else nw.all_horizontal(*parts, ignore_nulls=False)


def _compare_pair(
    left: ast.expr, op: ast.cmpop, right: ast.expr, text: str, walk: Callable[[ast.expr], Any]
) -> Any:
    match op, right:
        case ast.Is(), ast.Constant(value=None):
            return walk(left).is_null()
        case ast.IsNot(), ast.Constant(value=None):
            return ~walk(left).is_null()
        case ast.In() | ast.NotIn(), ast.Tuple() | ast.List():
            values = _plain_values(right, text)
            inside = nw.any_horizontal(*[walk(left) == v for v in values], ignore_nulls=False)
            return inside if isinstance(op, ast.In) else ~inside
    if type(op) in _COMPARE:
        return _COMPARE[type(op)](walk(left), walk(right))
    raise ExpressionError(
        f"In {text!r}, the comparison with {ast.unparse(right)!r} is not possible."
    )


def _plain_values(node: ast.Tuple | ast.List, text: str) -> list[Any]:
    try:
        values = list(ast.literal_eval(node))
    except ValueError:
        values = []
    if not values or not all(isinstance(value, bool | int | float | str) for value in values):
        raise ExpressionError(f"In {text!r}, what follows 'in' must be a list of plain values.")
    return values


def _kind(node: ast.expr, text: str, kinds: Mapping[str, str]) -> str:
    def only(wanted: str, *children: ast.expr) -> str:
        for child in children:
            if (found := _kind(child, text, kinds)) != wanted:
                raise ExpressionError(
                    f"In {text!r}, {ast.unparse(child)!r} is of kind {found}, where only a "
                    f"{wanted} will do."
                )
        return wanted

    match node:
        case ast.Constant():
            return {bool: "boolean", str: "text"}.get(type(node.value), "number")
        case ast.Name(id=name) | ast.Call(args=[ast.Constant(value=name)]):
            kind = kinds.get(str(name), "other")
            return "number" if kind == "category" else kind
        case ast.UnaryOp(op=ast.Not()):
            return only("boolean", node.operand)
        case ast.UnaryOp():
            return only("number", node.operand)
        case ast.BoolOp():
            return only("boolean", *node.values)
        case ast.BinOp():
            return only("number", node.left, node.right)
        case ast.Compare():
            operands = [node.left, *node.comparators]
            for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
                compared = right.elts if isinstance(right, ast.Tuple | ast.List) else [right]
                wanted = _kind(left, text, kinds)
                if not isinstance(op, ast.Is | ast.IsNot):
                    only(wanted, *compared)
    return "boolean"
