"""What a recipe has done about rows that are not like the training rows."""

from typing import Any, get_args

from pydantic import ConfigDict, Field, model_validator

from throughline.contract.contract import OnViolation
from throughline.strict import Strict


def _or_just_the_word(schema: dict[str, Any]) -> None:
    """Lets the JSON schema of a contract's rule accept its word alone."""
    rule = dict(schema)
    schema.clear()
    schema["anyOf"] = [rule, {"enum": list(get_args(OnViolation))}]


class ContractRule(Strict):
    """What to do about rows that are not like the training rows; just the word will do too."""

    model_config = ConfigDict(json_schema_extra=_or_just_the_word)

    on_violation: OnViolation = "warn"
    tolerance: float = Field(
        default=0.01, ge=0, lt=1, description="Share of a table's rows that may have bad values."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, written: Any) -> Any:
        return {"on_violation": written} if isinstance(written, str) else written
