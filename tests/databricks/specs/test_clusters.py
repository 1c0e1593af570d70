import json
import re

import pytest

from tests.databricks.specs.bundle import ROOT, job
from throughline.databricks.cluster_file import read_cluster_file
from throughline.databricks.sdk_shape import first_mistake

FOLDER = ROOT / "databricks"
POLICY = json.loads((FOLDER / "cluster-policy.json").read_text())
TYPES = {"fixed", "forbidden", "allowlist", "regex", "range", "unlimited"}


def flat(cluster, above=""):
    """The attributes as a policy names them, as in ``custom_tags.project``."""
    for key, value in cluster.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def breaks(cluster, policy=POLICY):
    """What a policy refuses of a job's cluster (Databricks: "Compute policy reference")."""
    found = dict(flat({**cluster, "cluster_type": "job"}))
    for name, rule in policy.items():
        value = found.get(name)
        if value is None:
            if rule["type"] != "forbidden" and not rule.get("isOptional", False):
                yield name
        elif not {
            "fixed": lambda value=value, rule=rule: value == rule["value"],
            "forbidden": lambda: False,
            "allowlist": lambda value=value, rule=rule: value in rule["values"],
            "regex": lambda value=value, rule=rule: re.fullmatch(rule["pattern"], value),
            "range": lambda value=value, rule=rule: rule["minValue"] <= value <= rule["maxValue"],
            "unlimited": lambda: True,
        }[rule["type"]]():
            yield name


@pytest.fixture(params=["cluster-cpu.json", "cluster-gpu.json", "job"])
def cluster(request):
    if request.param == "job":
        return job()["job_clusters"][0]["new_cluster"]
    return read_cluster_file(str(FOLDER / request.param))


def test_a_cluster_is_of_the_runtime_whose_libraries_are_known(cluster):
    from databricks.sdk.service.compute import ClusterSpec

    from throughline.packaging.databricks_runtime import VERSION

    assert first_mistake(ClusterSpec, cluster) is None
    assert re.fullmatch(rf"{VERSION}\.x-(cpu|gpu)-ml-scala2\.12", cluster["spark_version"])
    assert cluster["spark_env_vars"]["MLFLOW_REGISTRY_URI"] == "databricks"


def test_a_cluster_keeps_the_policy(cluster):
    assert list(breaks(cluster)) == []


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"spark_version": "16.4.x-cpu-ml-scala2.12"}, "spark_version"),
        ({"num_workers": 9}, "num_workers"),
        ({"node_type_id": "Standard_NC96ads_A100_v4"}, "node_type_id"),
        ({"custom_tags": {}}, "custom_tags.project"),
        ({"autoscale": {"min_workers": 1, "max_workers": 2}}, "autoscale.max_workers"),
    ],
)
def test_the_policy_refuses(cluster, change, broken):
    assert broken in list(breaks({**cluster, **change}))


def test_the_policy_speaks_of_attributes_that_there_are():
    from databricks.sdk.service.compute import ClusterSpec

    own = {"cluster_type"}
    for name, rule in POLICY.items():
        assert rule["type"] in TYPES
        at = name.partition(".")[0]
        assert at in own or at in ClusterSpec.__dataclass_fields__, name
        if "defaultValue" in rule and rule["type"] == "allowlist":
            assert rule["defaultValue"] in rule["values"]
