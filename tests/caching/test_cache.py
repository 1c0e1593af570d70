"""Finding finished runs again, on a real tracking store: what counts, and what is told instead."""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from tests.steps.conftest import free_port
from throughline.caching.cache import KEY, find, keyed_run, record_of
from throughline.caching.step_key import key_of
from throughline.errors import UserError
from throughline.outputs import KEY as TABLE_KEY
from throughline.outputs import Output
from throughline.recipe.file import load_recipe
from throughline.tracking import PREPARED

RECIPE = """
name: small
source: {{table: {table}}}
key: [id]
label: {{name: late, task: classification}}
split: {{random: {{test: 0.2, validation: 0.2}}, seed: 7}}
prepare: [{{impute: {{columns: [x]}}}}]
metric: roc_auc
models: [{{family: spark_linear}}]
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A tracking store, of which every test has an experiment."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db")
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture
def given(tmp_path: Path, store: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The parameters of a prep, below a run of a chain in an experiment of its own."""
    table = tmp_path / "rows.csv"
    table.write_text("id,x,late\n1,2,0\n2,3,1\n")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(table=table))
    experiment = mlflow.create_experiment(tmp_path.name, (tmp_path / "artifacts").as_uri())
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    with mlflow.start_run():
        yield {"recipe": str(tmp_path / "recipe.yaml"), "data_root": str(tmp_path / "data")}


def prepare(given: dict[str, str]) -> str:
    """A finished run of prep, as the cache sees one: a table with a manifest, named by a tag."""
    with keyed_run("prep", given) as keyed:
        output = Output.below(given["data_root"], "prepared", keyed.run.info.run_id)
        output.write_text("recipe.json", load_recipe(given["recipe"]).model_dump_json())
        output.write_text("rows.txt", "1,2,0")
        output.commit({TABLE_KEY: keyed.digest_now()})
        mlflow.set_tag(PREPARED, output.uri)
    return str(keyed.run.info.run_id)


def decision(given: dict[str, str], **changes: object) -> tuple[str | None, str]:
    found = find(key_of("prep", {**given, **changes}))
    return (found.run.info.run_id if found.run else None), found.why


def test_the_newest_of_the_same_is_found(given: dict[str, str]) -> None:
    assert decision(given) == (None, "the first time")
    prepare(given)
    second = prepare(given)
    assert decision(given) == (second, "")
    assert decision(given, fraction="1.00") == (second, "")


def test_what_changed_is_told(given: dict[str, str]) -> None:
    prepare(given)
    table = Path(given["recipe"]).with_name("rows.csv")
    assert decision(given, fraction=0.5) == (None, "parameters changed: fraction")
    assert decision(given, set="split.seed=8") == (None, "recipe changed: split")
    assert decision(given, set="models.0.name=first")[0]
    assert decision(given, data_root=f"{given['data_root']}/../data")[0]
    assert decision(given, data_root="elsewhere") == (None, "parameters changed: data_root")
    table.write_text("id,x,late\n1,2,0\n2,3,0\n")
    assert decision(given) == (None, f"data changed: {table}")


def test_damaged_results_are_told_and_an_older_whole_one_is_taken(given: dict[str, str]) -> None:
    first, second = prepare(given), prepare(given)
    rows = Path(given["data_root"]) / "prepared" / second / "rows.txt"
    rows.write_text("1,2")
    assert decision(given) == (first, "")
    mlflow.delete_run(first)
    assert decision(given) == (None, f"{rows} was changed")
    rows.unlink()
    assert decision(given) == (None, f"{rows} is missing")


def test_a_step_that_failed_or_was_killed_does_not_count(given: dict[str, str]) -> None:
    with pytest.raises(RuntimeError, match="in the middle"), keyed_run("prep", given):
        raise RuntimeError("in the middle")
    run = mlflow.MlflowClient().get_run(prepare(given))
    mlflow.MlflowClient().set_terminated(run.info.run_id, "KILLED")
    assert decision(given) == (None, "the first time")


def test_what_changes_while_a_step_runs_is_not_taken_again(given: dict[str, str]) -> None:
    with keyed_run("prep", given) as keyed:
        table = Path(given["recipe"]).with_name("rows.csv")
        table.write_text("id,x,late\n1,2,0\n2,3,0\n4,4,1\n")
    assert KEY not in mlflow.get_run(keyed.run.info.run_id).data.tags


def test_a_table_of_unknown_making_has_no_key(given: dict[str, str]) -> None:
    """What is trained on it is then no result for the table that another preparation makes."""
    with keyed_run("prep", given) as keyed:
        assert keyed.digest_now()
        Path(given["recipe"]).with_name("rows.csv").write_text("id,x,late\n1,2,0\n2,3,0\n4,4,1\n")
        assert keyed.digest_now() == ""


@pytest.mark.parametrize("text", ["models: [", "no recipe"])
def test_a_recipe_that_is_broken_or_gone_while_a_step_runs_does_not_end_it(
    given: dict[str, str], caplog: pytest.LogCaptureFixture, text: str
) -> None:
    caplog.set_level(logging.WARNING, "throughline.caching.cache")
    recipe = Path(given["recipe"])
    with keyed_run("prep", given) as keyed:
        assert keyed.digest_now()
        recipe.write_text(text)
        assert keyed.digest_now() == ""
        recipe.unlink()
        assert keyed.digest_now() == ""
    run = mlflow.get_run(keyed.run.info.run_id)
    assert (run.info.status, KEY in run.data.tags) == ("FINISHED", False)
    assert f"will not be taken again: meanwhile The recipe {recipe} cannot be read" in caplog.text


def test_nothing_is_trained_on_a_damaged_table(given: dict[str, str]) -> None:
    prep_run = prepare(given)
    rows = Path(given["data_root"]) / "prepared" / prep_run / "rows.txt"
    rows.unlink()
    with (
        pytest.raises(UserError, match=r"is damaged \(.*rows.txt is missing\); run prep again"),
        keyed_run("train", {"prep_run": prep_run}),
    ):
        pass


def test_what_was_trained_while_its_table_was_damaged_is_not_taken_again(
    given: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    prep_run = prepare(given)
    with keyed_run("train", {"prep_run": prep_run}) as keyed:
        (Path(given["data_root"]) / "prepared" / prep_run / "rows.txt").unlink()
    run = mlflow.get_run(keyed.run.info.run_id)
    assert (run.info.status, KEY in run.data.tags) == ("FINISHED", False)
    assert "rows.txt is missing" in caplog.text


def test_code_newer_than_the_process_makes_no_key(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("psutil.Process.create_time", lambda _: 0.0)
        run = prepare(given)
    assert KEY not in mlflow.get_run(run).data.tags
    assert decision(given) == (None, "the first time")


def test_a_record_that_is_gone_is_no_result(given: dict[str, str]) -> None:
    run = mlflow.get_run(prepare(given))
    os.remove(f"{run.info.artifact_uri}/step.json".removeprefix("file://"))
    assert decision(given) == (None, "step.json of its run is missing")


def test_several_at_once_find_whole_results_only(given: dict[str, str]) -> None:
    def chain(_: int) -> str:
        with mlflow.start_run():  # a thread has an active run of its own
            run, _ = decision(given)
            return run or prepare(given)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(chain, range(8)))
    assert 1 <= len(set(made)) <= 4
    for run in made:
        assert not Output(mlflow.get_run(run).data.tags[PREPARED]).damage()


def test_a_record_that_nobody_gives_now_is_not_taken_for_gone(
    given: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    nobody = f"http://127.0.0.1:{free_port()}/api/2.0/mlflow-artifacts/artifacts"
    client = mlflow.MlflowClient()
    elsewhere = client.create_experiment(f"{tmp_path.name} elsewhere", nobody)
    run = client.create_run(elsewhere)
    with pytest.raises(MlflowException, match="127.0.0.1"):
        record_of(run)
