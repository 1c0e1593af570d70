"""Where features come from: the raw columns, and the ops that they went through."""

from collections.abc import Sequence

from throughline.features.op import Op, Schema
from throughline.features.plan import Origin


def origins_of(ops: Sequence[Op], schema: Schema) -> dict[str, Origin]:
    """The raw columns and the ops behind each column after the last op."""
    origins = {name: Origin(columns=(name,)) for name in schema}
    for op in ops:
        before = dict(origins)
        for written in op.writes(schema):
            sources = [before[name] for name in op.sources_of(written)]
            columns = dict.fromkeys(name for source in sources for name in source.columns)
            through = dict.fromkeys(name for source in sources for name in source.ops)
            origins[written] = Origin(columns=tuple(columns), ops=(*through, op.name))
        schema = op.check(schema)
    return origins
