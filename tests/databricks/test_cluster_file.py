import json

import pytest

from throughline.databricks.cluster_file import read_cluster_file
from throughline.errors import UserError

GOOD = {"spark_version": "15.4.x-cpu-ml-scala2.12", "node_type_id": "x", "num_workers": 2}


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "cluster.json"
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return read_cluster_file(str(path))

    return read


def without(*keys, **others):
    return {key: value for key, value in GOOD.items() if key not in keys} | others


@pytest.mark.parametrize(
    "cluster",
    [
        GOOD,
        without("num_workers", autoscale={"min_workers": 1, "max_workers": 4}),
        without("node_type_id", instance_pool_id="pool"),
        {"policy_id": "p", "apply_policy_default_values": True},
        {
            **GOOD,
            "data_security_mode": "SINGLE_USER",
            "spark_env_vars": {"A": "b"},
            "spark_conf": {"spark.master": "local[*]"},
            "azure_attributes": {"availability": "ON_DEMAND_AZURE", "first_on_demand": 1},
            "init_scripts": [{"workspace": {"destination": "/Shared/init.sh"}}],
        },
    ],
)
def test_a_good_file_comes_back_as_it_is(read, cluster):
    assert read(cluster) == cluster


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"new_cluster": GOOD}, "wraps the cluster in 'new_cluster', and the flat form is needed"),
        ({"existing_cluster_id": "1-2-3"}, "names an existing cluster, and a job gets a new one"),
        ("{", r"is no JSON: .* in line 1, column 2"),
        ("[]", "is no JSON object"),
        (without("spark_version"), "lacks spark_version;"),
        (without("node_type_id"), r"lacks node_type_id \(or instance_pool_id\);"),
        (without("num_workers"), r"lacks num_workers \(or autoscale\);"),
        ({}, r"lacks spark_version, node_type_id .*, num_workers"),
        ({**GOOD, "node_type": "x"}, "the key 'node_type' is unknown; did you mean 'node_type_id'"),
        (
            without("num_workers", autoscale={"min_worker": 1}),
            "the key 'autoscale.min_worker' is unknown; did you mean 'min_workers'",
        ),
        ({**GOOD, "num_workers": "2"}, 'num_workers is "2" and should be a whole number'),
        ({**GOOD, "num_workers": True}, "num_workers is true and should be a whole number"),
        ({**GOOD, "spark_env_vars": {"A": 1}}, "spark_env_vars.A is 1 and should be text"),
        ({**GOOD, "spark_conf": []}, r"spark_conf is \[\] and should be an object"),
        ({**GOOD, "init_scripts": [{"dbfs": {"to": "x"}}]}, r"'init_scripts\[0\].dbfs.to' is"),
        ({**GOOD, "runtime_engine": "FAST"}, 'runtime_engine is "FAST"; known are .*PHOTON'),
    ],
)
def test_a_bad_file_is_answered_with_one_sentence(read, content, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        read(content)
    assert str(caught.value).count(". ") == 0
    assert "cluster.json" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.json cannot be read \(No such file"):
        read_cluster_file(str(tmp_path / "none.json"))


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "cluster.json"
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(UserError, match=r"is no text in UTF-8"):
        read_cluster_file(str(path))
