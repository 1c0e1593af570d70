"""The ops by their names in a recipe; a new op is added here and nowhere else."""

from typing import Any

from throughline.features.aggregate import Aggregate, FittedAggregate
from throughline.features.date_parts import DateParts, FittedDateParts
from throughline.features.drop_rows import DropRows, FittedDropRows
from throughline.features.fill import Fill, FittedFill
from throughline.features.flag import FittedFlag, Flag
from throughline.features.impute import FittedImpute, Impute
from throughline.features.one_hot import FittedOneHot, OneHot
from throughline.features.op import FittedOp, Op
from throughline.features.scale import FittedScale, Scale
from throughline.strict import nearest

OPS: dict[str, type[Op]] = {
    op.name: op for op in (Aggregate, DateParts, DropRows, Fill, Flag, Impute, OneHot, Scale)
}
FITTED_OPS: dict[str, type[FittedOp]] = {
    op.name: op
    for op in (
        FittedAggregate,
        FittedDateParts,
        FittedDropRows,
        FittedFill,
        FittedFlag,
        FittedImpute,
        FittedOneHot,
        FittedScale,
    )
}


def parse_op(line: Any) -> Op:
    """Reads one line of a recipe's ``prepare``, such as ``{"scale": {"columns": ["x"]}}``.

    Raises:
        ValueError: If the line is not one op with its arguments, or the op is not known.
    """
    if isinstance(line, Op):
        return line
    if not isinstance(line, dict) or len(line) != 1:
        raise ValueError("write one op per line, as in '- impute: {columns: [age]}'")
    ((name, arguments),) = line.items()
    if name not in OPS:
        raise ValueError(f"unknown op {name!r}; {nearest(str(name), OPS)}")
    return OPS[name].model_validate(arguments)
