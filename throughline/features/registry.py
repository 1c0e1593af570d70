"""The ops by their names in a recipe; a new op is added here and nowhere else."""

from typing import Any

from throughline.features.aggregate import Aggregate, FittedAggregate
from throughline.features.bin import Bin, FittedBin
from throughline.features.clip import Clip, FittedClip
from throughline.features.date_parts import DateParts, FittedDateParts
from throughline.features.derive_by_example import DeriveByExample, FittedDeriveByExample
from throughline.features.drop import Drop, FittedDrop
from throughline.features.drop_rows import DropRows, FittedDropRows
from throughline.features.embed import Embed, FittedEmbed
from throughline.features.expression import Expression, FittedExpression
from throughline.features.fill import Fill, FittedFill
from throughline.features.flag import FittedFlag, Flag
from throughline.features.frequency import FittedFrequency, Frequency
from throughline.features.hash import FittedHash, Hash
from throughline.features.impute import FittedImpute, Impute
from throughline.features.impute_by_cluster import FittedImputeByCluster, ImputeByCluster
from throughline.features.impute_by_group import FittedImputeByGroup, ImputeByGroup
from throughline.features.interact import FittedInteract, Interact
from throughline.features.one_hot import FittedOneHot, OneHot
from throughline.features.op import FittedOp, Op
from throughline.features.ordinal import FittedOrdinal, Ordinal
from throughline.features.rename import FittedRename, Rename
from throughline.features.scale import FittedScale, Scale
from throughline.features.target_mean import FittedTargetMean, TargetMean
from throughline.strict import nearest

_ALL: tuple[tuple[type[Op], type[FittedOp]], ...] = (
    (Aggregate, FittedAggregate),
    (Bin, FittedBin),
    (Clip, FittedClip),
    (DateParts, FittedDateParts),
    (DeriveByExample, FittedDeriveByExample),
    (Drop, FittedDrop),
    (DropRows, FittedDropRows),
    (Embed, FittedEmbed),
    (Expression, FittedExpression),
    (Fill, FittedFill),
    (Flag, FittedFlag),
    (Frequency, FittedFrequency),
    (Hash, FittedHash),
    (Impute, FittedImpute),
    (ImputeByCluster, FittedImputeByCluster),
    (ImputeByGroup, FittedImputeByGroup),
    (Interact, FittedInteract),
    (OneHot, FittedOneHot),
    (Ordinal, FittedOrdinal),
    (Rename, FittedRename),
    (Scale, FittedScale),
    (TargetMean, FittedTargetMean),
)
OPS: dict[str, type[Op]] = {op.name: op for op, _ in _ALL}
FITTED_OPS: dict[str, type[FittedOp]] = {
    fitted.name: fitted for op, fitted in _ALL if not op.changes_rows
}
"""What a plan may hold: serving answers every row."""


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
