"""Where a key is made: on a cluster of Databricks, and where it cannot be made at all."""

from pathlib import Path

import pytest

from tests.steps.conftest import PROJECT
from throughline.caching import step_key
from throughline.caching.data import fingerprint
from throughline.caching.key import NotSeenError
from throughline.caching.step_key import key_of
from throughline.packaging.databricks import write_databricks

SAMPLES = {"recipe": str(PROJECT / "recipes/wine.yaml")}


def test_a_table_below_a_mount_point_is_looked_at_where_the_mount_leads(
    small_table: Path, small_recipe_text: str, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(small_recipe_text.replace("TABLE", f"/mnt/raw/{small_table.name}"))
    with pytest.raises(NotSeenError):
        key_of("prep", {"recipe": recipe})
    mount = f"/mnt/raw={small_table.parent}"
    (told,) = key_of("prep", {"recipe": recipe, "mount": mount}).parts["data"].values()
    assert told == fingerprint(str(small_table))


def test_a_job_of_databricks_has_the_clusters_packages_in_its_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = key_of("prep", SAMPLES).parts
    variant = write_databricks(PROJECT, tmp_path / "databricks")
    monkeypatch.setattr(step_key, "project_root", lambda: variant)
    with pytest.raises(NotSeenError, match=r"requirements\.lock"):
        key_of("prep", {**SAMPLES, "data_root": "data"})
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "15.4")
    there = key_of("prep", SAMPLES).parts
    assert there["parameters"]["data_root"] == "file:///dbfs/throughline"
    assert {name for name in here if here[name] != there[name]} == {"parameters", "environment"}
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "16.4")
    assert key_of("prep", SAMPLES).parts["environment"] != there["environment"]
