import re

import pytest

from tests.databricks.specs.bundle import BUNDLE, JOB, ROOT, job, read, references
from throughline.packaging.databricks import FOLDERS, python_libraries
from throughline.packaging.mlproject import read_project

STEPS = ["prep", "train", "tune", "distributed_train", "register", "deploy"]


def test_the_job_is_one_that_databricks_takes():
    from databricks.bundles.jobs import Job

    made = Job.from_dict(job())
    assert [task.task_key for task in made.tasks] == STEPS


@pytest.mark.parametrize("where", ["job", "task", "schedule", "cluster"])
def test_a_key_that_is_unknown_is_found(where):
    from databricks.bundles.jobs import Job

    spec = job()
    places = {
        "job": spec,
        "task": spec["tasks"][0],
        "schedule": spec["schedule"],
        "cluster": spec["job_clusters"][0]["new_cluster"],
    }
    places[where]["colour"] = "blue"
    with pytest.raises((TypeError, ValueError), match="colour"):
        Job.from_dict(spec)


def test_the_schedule_is_paused_and_runs_do_not_overlap():
    spec = job()
    assert spec["schedule"]["pause_status"] == "PAUSED"
    assert spec["max_concurrent_runs"] == 1
    assert len(spec["schedule"]["quartz_cron_expression"].split()) == 6


def test_tasks_follow_each_other_as_in_the_chain():
    after = {
        task["task_key"]: [one["task_key"] for one in task.get("depends_on", [])]
        for task in job()["tasks"]
    }
    trained = ["train", "tune", "distributed_train"]
    prepared = dict.fromkeys(trained, ["prep"])
    assert after == {"prep": [], **prepared, "register": trained, "deploy": ["register"]}


def test_every_task_runs_its_step_with_parameters_that_the_entry_point_has():
    spec = job(file_path="/files")
    given = {parameter["name"] for parameter in spec["parameters"]}
    clusters = {cluster["job_cluster_key"] for cluster in spec["job_clusters"]}
    entry_points = read_project(ROOT)["entry_points"]
    used = set()
    for task in spec["tasks"]:
        script = task["spark_python_task"]
        root, step, *arguments = script["parameters"]
        assert (root, step) == ("/files", task["task_key"])
        names = [name.removeprefix("--") for name in arguments[::2]]
        assert set(names) <= set(entry_points[step]["parameters"])
        assert all(name.startswith("--") for name in arguments[::2])
        used.update(re.findall(r"\{\{job\.parameters\.(\w+)\}\}", " ".join(arguments)))
        assert (JOB.parent / script["python_file"]).is_file()
        assert task["job_cluster_key"] in clusters
        (library,) = task["libraries"]
        assert (JOB.parent / library["requirements"]).is_file()
    assert used == given


def test_the_cluster_installs_what_a_rendered_project_does():
    lines = (ROOT / "databricks/requirements.txt").read_text().splitlines()
    assert [line for line in lines if line and line[0] != "#"] == python_libraries(ROOT), (
        "databricks/requirements.txt is old; its first lines say how to write it"
    )


def test_the_bundle_holds_together():
    bundle = read(BUNDLE)
    known = {"bundle", "include", "sync", "variables", "targets"}
    assert set(bundle) == known, "a key that no test has looked at"
    assert [ROOT / path for path in bundle["include"]] == [JOB]
    used = references(BUNDLE.read_text()) | references(JOB.read_text())
    variables = {f"var.{name}" for name in bundle["variables"]}
    assert {name for name in used if name.startswith("var.")} == variables
    builtin = {"bundle.name", "bundle.target", "workspace.file_path"}
    assert used - variables <= builtin | {"workspace.current_user.userName"}
    assert bundle["sync"] == {"paths": sorted([*FOLDERS, "databricks"])}
    assert [name for name, target in bundle["targets"].items() if target.get("default")] == ["dev"]
