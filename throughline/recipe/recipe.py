"""The recipe: one YAML file that states the whole problem; data, never code."""

import hashlib
import json
from typing import Annotated

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from throughline.balance.balance import Balance
from throughline.expressions import columns_of
from throughline.features.checking import check_name, check_order
from throughline.features.columns import Names
from throughline.features.op import Op
from throughline.features.registry import parse_op
from throughline.recipe.candidates import Metric, Model, Promote
from throughline.recipe.contract_rule import ContractRule
from throughline.recipe.history import History, Moment
from throughline.recipe.label import Label
from throughline.recipe.search import GridSearch, Search
from throughline.recipe.source import Source
from throughline.recipe.split import Split
from throughline.recipe.threshold import ThresholdRule
from throughline.strict import Strict

PrepareLine = Annotated[
    InstanceOf[Op],
    BeforeValidator(parse_op),
    PlainSerializer(lambda op: {op.name: op.model_dump(mode="json", by_alias=True)}),
]


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
    search: Search | None = Field(default=None, description="By trials, as Hyperopt has them.")
    grid_search: GridSearch | None = Field(default=None, description="By Spark ML's validators.")
    promote: Promote = Promote()
    contract: ContractRule = ContractRule()
    threshold: ThresholdRule = Field(
        default=ThresholdRule(), description="Of two classes, chosen on the validation rows."
    )
    slices: Names = Field(
        default=(), description="Raw columns of few values; the metrics are told for each value."
    )

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
        if self.threshold.cost and self.label.task == "regression":
            raise ValueError("only a classification has a threshold; remove 'threshold'")
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
            ("slice", self.slices),
        ]

    @property
    def afterwards(self) -> frozenset[str]:
        """What is known only afterwards: as said, what the label is made of, moments of these.

        The label itself is not among them.
        """
        late = {*self.known_after, *columns_of(self.label.source or "0"), self.label.name}
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
