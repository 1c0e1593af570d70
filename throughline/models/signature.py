"""The signature of a served model, and rows brought to it."""

from typing import TYPE_CHECKING, Any

from throughline.features.plan import Input, Plan
from throughline.moments import in_nanoseconds

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

_MLFLOW = {"long": "long", "double": "double", "string": "string", "boolean": "boolean"}
_ANSWERS = {"i": "long", "f": "double", "O": "string"}


def signature_of(plan: Plan, answer: "pd.DataFrame") -> "ModelSignature":
    """The signature: raw columns in (optional where training rows missed them), the answer out.

    The parameter ``explain`` asks for contributions too. A whole number that may be missing is
    declared as double, since pandas has no missing integer.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

    columns: list[ColSpec | TensorSpec] = [
        ColSpec(_type(column), column.name, required=not column.optional) for column in plan.inputs
    ]
    answers: list[ColSpec | TensorSpec] = [
        ColSpec(_ANSWERS[values.dtype.kind], str(name)) for name, values in answer.items()
    ]
    explain = ParamSchema([ParamSpec("explain", DataType.boolean, False)])
    return ModelSignature(inputs=Schema(columns), outputs=Schema(answers), params=explain)


def conform(rows: "pd.DataFrame", inputs: "tuple[Input, ...]") -> "pd.DataFrame":
    """The columns of ``rows`` that the signature has, in its types; moments are in UTC, naive.

    A moment that no request could carry, such as 9999-12-31, is missing.
    """
    import pandas as pd

    def one(column: Input) -> Any:
        values = rows[column.name]
        if column.type == "timestamp":
            return in_nanoseconds(values)
        if column.type in ("double", "long"):
            return values.astype("float64" if _type(column) == "double" else "int64")
        known = values.notna()
        plain = [value if ok else None for value, ok in zip(values, known, strict=True)]
        return pd.Series(plain, index=values.index, dtype=object)

    return pd.DataFrame({c.name: one(c) for c in inputs if c.name in rows.columns})


def _type(column: Input) -> str:
    if column.type == "timestamp":
        return "datetime"
    return "double" if column.type == "long" and column.optional else _MLFLOW[column.type]
