"""What a recipe's models are to predict."""

from pydantic import Field, model_validator

from throughline.expressions import columns_of
from throughline.features.layout import Task
from throughline.strict import Strict


class Label(Strict):
    """What is to be predicted."""

    name: str
    source: str | None = Field(default=None, alias="from", description="A column or condition.")
    task: Task

    @model_validator(mode="after")
    def _parses(self) -> "Label":
        if self.source:
            columns_of(self.source)
        return self
