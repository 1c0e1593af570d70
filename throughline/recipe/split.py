"""Which of a recipe's rows are for training, for validation and for testing."""

import datetime as dt
from typing import Annotated

from pydantic import Field, WithJsonSchema, model_validator

from throughline.strict import Strict

Day = Annotated[
    dt.datetime,
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}),
]
"""A moment, or a day's beginning; in UTC unless it says otherwise."""

Share = Annotated[float, Field(gt=0, lt=1)]


class Shares(Strict):
    """Shares of the whole for testing and for validation; the rest is for training."""

    test: Share
    validation: Share

    @model_validator(mode="after")
    def _leave_training_rows(self) -> "Shares":
        _leaves_rows(self.test + self.validation)
        return self


class StratifiedSplit(Shares):
    """The shares hold among the rows of every stratum."""

    by: tuple[str, ...] = Field(default=(), description="The label, if left out.")


class GroupSplit(Shares):
    """Shares of the groups; the rows of a group stay together."""

    by: tuple[str, ...] = Field(min_length=1, description="What makes a group.")


class Split(Strict):
    """Which rows are for testing and which for validation; exactly one way."""

    by: str | None = Field(default=None, description="A time column.")
    test_from: Day | None = Field(default=None, description="By time: the test rows' beginning.")
    test: Share | None = Field(default=None, description="By time: the last share of the rows.")
    validation: Share | None = Field(
        default=None,
        description="By time, 0.15 if left out: the last share of the rows before 'test_from', or, "
        "beside 'test', a share of all rows.",
    )
    random: Shares | None = None
    stratified: StratifiedSplit | None = None
    group: GroupSplit | None = None
    seed: int = 7

    @model_validator(mode="after")
    def _one_way(self) -> "Split":
        ways = [self.by, self.random, self.stratified, self.group]
        beginnings = sum(begin is not None for begin in (self.test_from, self.test))
        one_way = sum(way is not None for way in ways) == 1
        if not one_way or beginnings != (self.by is not None) or (self.validation and not self.by):
            raise ValueError(
                "a split is either by time ('by' with one of 'test_from' and 'test'), or one of "
                "'random', 'stratified' and 'group', each with its 'test' and 'validation'"
            )
        if self.test is not None:
            _leaves_rows(self.test + self.validation_share)
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names."""
        named = self.group or self.stratified
        return named.by if named else (self.by,) if self.by else ()

    @property
    def validation_share(self) -> float:
        """The share for validation, by time."""
        return 0.15 if self.validation is None else self.validation


def _leaves_rows(share: float) -> None:
    if share > 1 - 1e-9:
        raise ValueError("test and validation leave no rows for training; make them smaller")
