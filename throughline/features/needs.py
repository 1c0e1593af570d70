"""What a plan needs for its features: which ops lead to them, and which raw columns those read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from throughline.features.checking import check_ops
from throughline.features.op import Op, Schema
from throughline.features.out_of_fold import FOLD
from throughline.features.schema import InputType, input_types, kinds_of
from throughline.features.selection import FeatureSelection

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Needs:
    """What is needed, as the recipe tells before anything is learnt.

    Attributes:
        features: The features, in their order.
        ops: The places of the ops that lead to them, among those that change no rows.
        inputs: The raw columns that these ops read, and their types.
        kinds: What every column holds after the last op.
    """

    features: tuple[str, ...]
    ops: tuple[int, ...]
    inputs: dict[str, InputType]
    kinds: Schema


def needs_of(ops: Sequence[Op], training: "DataFrame", selection: FeatureSelection) -> Needs:
    """What the features need.

    Args:
        ops: The recipe's ops, in order.
        training: The raw training rows, on Spark.
        selection: The label, the features asked for and the columns that are none.

    Raises:
        UserError: If an op cannot work on the columns there are, or a feature does not come out.
    """
    walked = [op for op in ops if not op.changes_rows]
    schema = kinds_of(training.drop(FOLD))
    after = check_ops(ops, schema, selection.label)
    if selection.label in schema:
        schema[selection.label] = "number"  # a class is learnt from as its index
    features = selection.features_among(after)
    places, needed = _leading_to(features, walked, schema)
    inputs = {name: kind for name, kind in input_types(training).items() if name in needed}
    return Needs(tuple(features), tuple(places), inputs, after)


def _leading_to(
    features: Sequence[str], ops: Sequence[Op], schema: Schema
) -> tuple[list[int], set[str]]:
    """The places of the ops that lead to the features, and the raw columns that they read."""
    made = []
    kinds = dict(schema)
    for op in ops:
        made.append(set(op.writes(kinds)))
        kinds = op.check(kinds)
    needed = set(features)
    places = []
    for place in reversed(range(len(ops))):
        if made[place] & needed:
            needed = (needed - made[place]) | set(ops[place].applies_to())
            places.append(place)
    return places[::-1], needed
