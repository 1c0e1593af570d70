"""What a chain takes again and what it runs, on a real tracking store; and its last lines."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import pytest

from tests.caching.test_cache import RECIPE as PLAIN
from throughline.caching.cache import keyed_run
from throughline.chain.chain import Chain, Finished
from throughline.chain.in_process import InProcessBackend
from throughline.outputs import KEY, Output
from throughline.recipe.file import load_recipe
from throughline.tracking import PREPARED, RESUMED

RECIPE = (
    PLAIN
    + """\
search: {{family: xgboost, space: {{max_depth: {{choice: [2, 3]}}}}}}
"""
)


@pytest.fixture(autouse=True)
def _store() -> Iterator[None]:
    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)


@dataclass
class Small:
    """A backend whose steps compute nothing, but leave runs, keys and a table as real ones do."""

    recipe: Path
    data_root: Path
    resumes: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)

    def run(self, step: str, parameters: dict[str, str]) -> str:
        self.asked.append(parameters)
        with keyed_run(step, parameters) as keyed:
            if step == "prep":
                output = Output.below(str(self.data_root), "prepared", keyed.run.info.run_id)
                output.write_text("recipe.json", load_recipe(self.recipe).model_dump_json())
                output.write_text("rows.txt", "1,2,0")
                output.commit({KEY: keyed.digest_now()})
                mlflow.set_tag(PREPARED, output.uri)
            if self.resumes:
                mlflow.set_tag(RESUMED, "after 3 trials")
        return str(keyed.run.info.run_id)

    def deploys_to(self) -> str:
        return "local"

    def shares_data(self) -> bool:
        return True


@pytest.fixture
def small(own_store: None, tmp_path: Path) -> Iterator[Small]:
    """The backend, below a run that is the chain's."""
    (tmp_path / "rows.csv").write_text("id,x,late\n1,2,0\n2,3,1\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(table=tmp_path / "rows.csv"))
    with mlflow.start_run():
        yield Small(recipe, tmp_path / "data")


def chained(small: Small, *forced: str) -> dict[str, Finished]:
    """What a chain of prep and tune says of its steps."""
    chain = Chain(small, frozenset(forced))
    given = {"recipe": str(small.recipe), "data_root": str(small.data_root)}
    prep_run = chain.run("prep", given)
    chain.run("tune", {"prep_run": prep_run})
    return {one.step: one for one in chain.finished}


def states(finished: dict[str, Finished]) -> list[str]:
    return [one.state for one in finished.values()]


def test_a_step_that_is_forced_runs_again_and_is_taken_again_later(small: Small) -> None:
    first = chained(small)
    assert states(first) == ["ran", "ran"]
    forced = chained(small, "prep")
    assert states(forced) == ["ran", "cached"]  # the same table
    assert forced["prep"].why == "forced"
    assert forced["prep"].run_id != first["prep"].run_id
    later = chained(small)
    assert states(later) == ["cached", "cached"]
    assert later["prep"].run_id == forced["prep"].run_id


def test_a_step_that_is_forced_goes_on_with_nothing(small: Small) -> None:
    assert states(chained(small)) == ["ran", "ran"]
    assert "resume" not in small.asked[-1]
    forced = chained(small, "tune")
    assert states(forced) == ["cached", "ran"]
    assert small.asked[-1]["resume"] == "none"
    assert chained(small)["tune"].run_id == forced["tune"].run_id


def test_a_damaged_table_is_remade_and_what_follows_is_still_cached(small: Small) -> None:
    first = chained(small)
    table = small.data_root / "prepared" / first["prep"].run_id
    (table / "rows.txt").unlink()
    again = chained(small)
    assert states(again) == ["ran", "cached"]
    assert again["prep"].why == f"{table}/rows.txt is missing"
    assert again["tune"].run_id == first["tune"].run_id


def test_a_step_that_went_on_is_told_as_resumed(small: Small) -> None:
    chain = Chain(small)
    small.resumes = True
    chain.run("prep", {"recipe": str(small.recipe), "data_root": str(small.data_root)})
    row = chain.table().splitlines()[1]
    assert row.split()[:2] == ["prep", "resumed"]
    assert row.endswith("resumed after 3 trials; the first time")


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("https://ada:secret@host/mlflow", "https://host/mlflow"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("sqlite:////there/mlflow.db", "mlflow ui --backend-store-uri sqlite:////there/mlflow.db"),
        (
            "postgresql://ada:secret@host/runs",
            "mlflow ui --backend-store-uri $MLFLOW_TRACKING_URI",
        ),
    ],
)
def test_where_the_runs_are_is_told_without_a_login(uri: str, told: str) -> None:
    mlflow.set_tracking_uri(uri)
    chain = Chain(InProcessBackend(), finished=[Finished("register", "ran", 1.0, "")])
    assert chain.where_to_look() == f"runs:      {told}"
