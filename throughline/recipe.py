"""The recipe: one YAML file that states the whole problem; data, never code."""

import datetime as dt
import hashlib
import json
import re
import sys
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from throughline.balance.balance import Balance
from throughline.contract.contract import OnViolation
from throughline.expressions import check_condition, columns_of
from throughline.features.checking import check_name, check_order
from throughline.features.layout import Task
from throughline.features.op import Op
from throughline.features.registry import OPS, parse_op
from throughline.strict import Strict

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Families = Literal["spark_linear", "spark_gbt", "xgboost", "network"]
Metric = Literal["roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "rmse", "mae", "r2"]


def _duration(value: Any) -> Any:
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        return int(match[1]) * _SECONDS[match[2]]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is no duration; write a number and s, m, h or d, as in 3h")


Duration = Annotated[
    int,
    BeforeValidator(_duration),
    Field(ge=0),
    WithJsonSchema(
        {"type": ["string", "integer"], "pattern": _DURATION.pattern, "description": "As in 3h."}
    ),
]
"""Seconds, written as a number and a unit."""

Day = Annotated[
    dt.datetime,
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}),
]
"""A moment, or a day's beginning; in UTC unless it says otherwise."""

Share = Annotated[float, Field(gt=0, lt=1)]

PrepareLine = Annotated[
    InstanceOf[Op],
    BeforeValidator(parse_op),
    PlainSerializer(lambda op: {op.name: op.model_dump(mode="json", by_alias=True)}),
]


def _or_just_the_word(schema: dict[str, Any]) -> None:
    """Lets the JSON schema of a contract's rule accept its word alone."""
    rule = dict(schema)
    schema.clear()
    schema["anyOf"] = [rule, {"enum": list(get_args(OnViolation))}]


class Join(Strict):
    """A table joined to the right of the main one."""

    table: str
    on: tuple[str, ...] = Field(min_length=1)
    how: Literal["left", "inner"]
    prefix: str = Field(default="", description="Put before the names of the table's columns.")


class Source(Strict):
    """Where the rows come from."""

    table: str = Field(description="sample:<package>/<table>, or a path to Parquet, CSV or JSON.")
    joins: tuple[Join, ...] = ()
    where: str | None = Field(default=None, description="A condition; other rows are left out.")

    @field_validator("where")
    @classmethod
    def _condition(cls, where: str | None) -> str | None:
        return where if where is None else check_condition(where)


class Moment(Strict):
    """A moment made from a time column and a number of minutes."""

    start: str = Field(alias="from")
    plus_minutes: str | float = 0


class Rolling(Strict):
    """Figures of earlier rows, known a while before the row's own moment.

    A row at ``at`` sees the rows whose ``time`` is in ``[at - lag - within, at - lag)`` and whose
    own ``at`` is before ``at - lag`` too.
    """

    of: str
    by: tuple[str, ...] = Field(min_length=1)
    time: str = Field(description="When a row's value of the column is known.")
    at: str = Field(description="The row's own moment, from which the lag counts back.")
    within: Annotated[Duration, Field(gt=0)]
    lag: Duration = 0
    functions: tuple[Literal["mean", "count", "min", "max", "std"], ...] = Field(min_length=1)

    def output(self, function: str) -> str:
        """The name of the column for one function."""
        return f"{self.of}_{function}_{_short(self.within)}_by_{'_'.join(self.by)}"


class Count(Strict):
    """How many rows share these columns; only for what is known ahead, such as a schedule."""

    by: tuple[str, ...] = Field(min_length=1)

    @property
    def output(self) -> str:
        """The name of the new column."""
        return f"count_by_{'_'.join(self.by)}"


class History(Strict):
    """One history feature; exactly one of its kinds."""

    rolling: Rolling | None = None
    count: Count | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "History":
        if (self.rolling is None) == (self.count is None):
            raise ValueError("a history feature is either 'rolling' or 'count'")
        return self

    @property
    def count_by(self) -> tuple[str, ...]:
        """The columns of a count."""
        return self.count.by if self.count else ()

    @property
    def outputs(self) -> list[str]:
        """The names of the new columns."""
        if self.rolling:
            return [self.rolling.output(function) for function in self.rolling.functions]
        return [self.count.output] if self.count else []


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


class Model(Strict):
    """A candidate: a model family and the parameters that differ from the family's defaults."""

    family: Families
    name: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """The candidate's name; the family's unless one is given."""
        return self.name or self.family


class Search(Strict):
    """A Hyperopt search: one family, and the spaces of its parameters in Hyperopt's terms."""

    family: Families
    space: dict[str, dict[str, Any]] = Field(min_length=1)
    parameters: dict[str, Any] = Field(default_factory=dict)
    max_evals: int = Field(default=10, ge=1)
    seed: int = 7


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


class Promote(Strict):
    """When a candidate becomes the champion."""

    at_least: dict[Metric, float] = Field(default_factory=dict)
    beat_champion: bool = True


class Recipe(Strict):
    """The whole problem: tables, label, split, preparation, candidates, search, promotion."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    source: Source
    key: tuple[str, ...] = Field(min_length=1)
    moments: dict[str, Moment] = Field(default_factory=dict)
    label: Label
    known_after: tuple[str, ...] = Field(default=(), description="Never features.")
    history: tuple[History, ...] = ()
    split: Split
    prepare: tuple[PrepareLine, ...] = Field(min_length=1)
    features: tuple[str, ...] | None = Field(default=None, description="All that fit, if left out.")
    balance: Balance | None = Field(default=None, description="Of the training rows only.")
    metric: Metric
    models: tuple[Model, ...] = Field(min_length=1)
    search: Search | None = None
    promote: Promote = Promote()
    contract: ContractRule = ContractRule()

    @field_validator("prepare")
    @classmethod
    def _possible_order(cls, prepare: tuple[Op, ...]) -> tuple[Op, ...]:
        check_order(prepare)
        return prepare

    @field_validator("balance")
    @classmethod
    def _of_classes(cls, balance: Balance | None, info: ValidationInfo) -> Balance | None:
        label = info.data.get("label")
        if balance and label and label.task == "regression":
            raise ValueError("only a classification can be balanced; remove 'balance'")
        return balance

    @model_validator(mode="after")
    def _fits_together(self) -> "Recipe":
        _once("model", [model.title for model in self.models])
        _once("family of several workers", [m.family for m in self.models if m.family == "network"])
        _once("feature", list(self.features or ()))
        _once("history column", [name for feature in self.history for name in feature.outputs])
        for ahead, columns in self._ahead():
            if late := (self.afterwards | {self.label.name}) & set(columns):
                raise ValueError(f"the {ahead} reads {min(late)!r}, which is known only afterwards")
        for name in (self.label.name, *self.moments, *(join.prefix for join in self.source.joins)):
            check_name(name)
        late = self.afterwards & set(self.split.columns)
        if late and any(op.needs_folds(self.label.name) for op in self.prepare):
            raise ValueError(
                f"the folds would follow the split's {min(late)!r}, which is known only "
                "afterwards; split by another column, or learn nothing from the label"
            )
        changing = [op.changes_rows for op in self.prepare]
        if changing != sorted(changing, reverse=True):
            raise ValueError("drop_rows must come before the other ops of 'prepare'")
        regression = {"rmse", "mae", "r2"}
        stratified = self.split.stratified
        if self.label.task == "regression" and stratified and not stratified.by:
            raise ValueError("a stratified split of a regression wants 'by': columns of few values")
        for metric in (self.metric, *self.promote.at_least):
            if (metric in regression) != (self.label.task == "regression"):
                raise ValueError(f"the metric {metric!r} is not one of a {self.label.task}")
        return self

    def _ahead(self) -> list[tuple[str, tuple[str, ...]]]:
        """What has to be known ahead, by what reads it."""
        rolling = [feature.rolling for feature in self.history if feature.rolling]
        return [
            ("key", self.key),
            *[("count", feature.count_by) for feature in self.history],
            *[("rolling", (*one.by, one.at)) for one in rolling],
            *[("join", join.on) for join in self.source.joins],
        ]

    @property
    def afterwards(self) -> frozenset[str]:
        """What is known only afterwards: as said, what the label is made of, moments of these."""
        late = set(self.known_after) | set(columns_of(self.label.source or "0"))
        for name, moment in self.moments.items():
            if late & {moment.start, *columns_of(str(moment.plus_minutes))}:
                late.add(name)
        return frozenset(late - {self.label.name})

    def digest(self) -> str:
        """A short hash of everything the recipe says."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _once(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the {what} {name!r} stands there twice; rename or remove one")


def json_schema() -> dict[str, Any]:
    """The recipe's JSON schema, for editors; ``python -m throughline.recipe`` prints it."""
    schema = Recipe.model_json_schema(by_alias=True)
    lines = []
    for name, op in OPS.items():
        arguments = op.model_json_schema(by_alias=True)
        schema["$defs"].update(arguments.pop("$defs", {}))
        lines.append(
            {
                "type": "object",
                "properties": {name: arguments},
                "required": [name],
                "additionalProperties": False,
            }
        )
    schema["properties"]["prepare"]["items"] = {"oneOf": lines}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _short(seconds: int) -> str:
    for unit in ("d", "h", "m"):
        if seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n")
