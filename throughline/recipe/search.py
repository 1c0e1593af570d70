"""How a recipe's parameters are searched for: by trials, or over a grid with Spark's validators."""

from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from throughline.recipe.candidates import Families
from throughline.recipe.space import FAMILY, Space, combinations, parse_space
from throughline.strict import Strict, nearest

Refit = Literal["train", "all"]


class Search(Strict):
    """A search by trials, each trained on the training rows and measured on the validation rows.

    The names are Hyperopt's; Optuna takes the same recipe.
    """

    family: Families | None = Field(
        default=None, description="May be left out where the space names a family in every branch."
    )
    space: dict[str, dict[str, Any]]
    parameters: dict[str, Any] = Field(default_factory=dict, description="Fixed ones.")
    engine: Literal["hyperopt", "optuna"] = "hyperopt"
    algo: Literal["tpe", "random", "anneal"] = "tpe"
    max_evals: int = Field(default=10, ge=1)
    max_queue_len: int | None = Field(
        default=None,
        ge=1,
        description="Trials drawn ahead on Spark; as many as run at a time, if left out.",
    )
    timeout: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Seconds after which no more trials start, and those on Spark are ended.",
    )
    early_stop: int | None = Field(
        default=None, ge=1, description="Ends after so many trials without a better one."
    )
    trials: Literal["auto", "spark", "local"] = "auto"
    parallelism: int | None = Field(default=None, ge=1, description="Trials at a time.")
    pruner: Literal["none", "median", "hyperband"] = Field(
        default="none", description="Optuna ends trials that fall behind, of families that tell."
    )
    refit: Refit = Field(
        default="train", description="'all' trains the best once more, validation rows included."
    )
    seed: int = 7

    @field_validator("space")
    @classmethod
    def _can_be_drawn_from(cls, space: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        parse_space(space)
        return space

    @model_validator(mode="after")
    def _fits_together(self) -> "Search":
        if both := sorted(set(self.space) & set(self.parameters)):
            raise ValueError(f"{both[0]!r} is both in the space and fixed; leave one of them out")
        for family in self.families:
            if family is None:
                raise ValueError("the search names no family; add 'family', as in family: xgboost")
            if family not in get_args(Families):
                raise ValueError(
                    f"the space names an unknown family {family!r}; "
                    f"{nearest(str(family), get_args(Families))}"
                )
        if self.engine == "optuna" and self.algo == "anneal":
            raise ValueError("anneal is Hyperopt's; take algo tpe or random, or engine: hyperopt")
        if self.engine == "optuna" and self.trials == "spark":
            raise ValueError(
                "trials on Spark are Hyperopt's; leave 'trials' out, or take engine: hyperopt"
            )
        if self.engine == "hyperopt" and self.pruner != "none":
            raise ValueError("pruning is Optuna's; leave 'pruner' out, or take engine: optuna")
        return self

    @cached_property
    def drawn(self) -> Space:
        """The space as it is drawn from."""
        return parse_space(self.space)

    @property
    def branches(self) -> list[dict[str, Any]]:
        """The sets of parameters that a trial may have, the fixed ones and the family included."""
        fixed = {FAMILY: self.family, **self.parameters}
        return [{**fixed, **found} for found in combinations(self.drawn)]

    @property
    def families(self) -> list[Any]:
        """The families that trials may train, in the order of the space."""
        return list(dict.fromkeys(branch[FAMILY] for branch in self.branches))


class GridSearch(Strict):
    """A grid for Spark ML's CrossValidator and TrainValidationSplit, whose names these are."""

    family: Families
    grid: dict[str, list[Any]]
    parameters: dict[str, Any] = Field(default_factory=dict, description="Fixed ones.")
    numFolds: int = Field(default=3, ge=2)  # noqa: N815
    trainRatio: float = Field(  # noqa: N815
        default=0.75, ge=0.01, le=0.99, description="In hundredths."
    )
    parallelism: int = Field(default=2, ge=1)
    seed: int = 7
    refit_plan: bool = Field(
        default=False, description="Learns the feature plan anew in every fold."
    )
    refit: Refit = Field(
        default="train", description="'all' trains the best once more, validation rows included."
    )

    @field_validator("grid")
    @classmethod
    def _has_values(cls, grid: dict[str, list[Any]]) -> dict[str, list[Any]]:
        if not grid:
            raise ValueError("the grid is empty; give it a parameter, as in {maxDepth: [3, 5]}")
        for name, values in grid.items():
            if not values:
                raise ValueError(f"the grid has no values for {name!r}; list some, or remove it")
        return grid

    @model_validator(mode="after")
    def _is_of_spark(self) -> "GridSearch":
        if not self.family.startswith("spark_"):
            raise ValueError(
                f"a grid is for the families of Spark ML, and {self.family!r} is none; take one "
                "that begins with spark_, or a 'search'"
            )
        if both := sorted(set(self.grid) & set(self.parameters)):
            raise ValueError(f"{both[0]!r} is both in the grid and fixed; leave one of them out")
        return self
