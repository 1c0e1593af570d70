"""How the threshold of a binary classification is chosen, on the validation rows."""

from typing import Any

from pydantic import ConfigDict, Field, model_validator

from throughline.strict import Strict


class Cost(Strict):
    """What each mistake costs, in any unit."""

    false_positive: float = Field(gt=0, allow_inf_nan=False)
    false_negative: float = Field(gt=0, allow_inf_nan=False)

    def of(self, false_positives: Any, false_negatives: Any) -> Any:
        """The cost of so many mistakes: numbers, or arrays of them."""
        return self.false_positive * false_positives + self.false_negative * false_negatives


def _or_just_the_word(schema: dict[str, Any]) -> None:
    """Lets the JSON schema accept the word ``f1``."""
    rule = dict(schema)
    schema.clear()
    schema["anyOf"] = [rule, {"enum": ["f1"]}]


class ThresholdRule(Strict):
    """The best F1, written ``f1``, or the least cost."""

    model_config = ConfigDict(json_schema_extra=_or_just_the_word)

    cost: Cost | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, written: Any) -> Any:
        if isinstance(written, dict | ThresholdRule):
            return written
        if written != "f1":
            raise ValueError(
                f"a threshold is 'f1' or 'cost' with its 'false_positive' and 'false_negative', "
                f"not {written!r}"
            )
        return {}
