import json

import pytest

from throughline.azureml.step_cluster import existing_cluster, new_cluster
from throughline.errors import UserError

GOOD = {"spark_version": "15.4.x-cpu-ml-scala2.12", "node_type_id": "x", "num_workers": 2}
DELTA = {"spark.databricks.delta.preview.enabled": "true"}


@pytest.fixture
def read(tmp_path):
    def read(cluster):
        path = tmp_path / "cluster.json"
        path.write_text(json.dumps(cluster))
        return new_cluster(str(path))

    return read


def without(*keys, **others):
    return {key: value for key, value in GOOD.items() if key not in keys} | others


def test_a_cluster_is_said_in_the_steps_words(read):
    said = read({**GOOD, "spark_conf": {"a": "b"}, "spark_env_vars": {"C": "d"}})
    assert said == {
        "spark_version": "15.4.x-cpu-ml-scala2.12",
        "node_type": "x",
        "num_workers": 2,
        "spark_conf": {**DELTA, "a": "b"},
        "spark_env_variables": {"C": "d"},
    }


@pytest.mark.parametrize("value", ["false", "true"])
def test_the_file_may_say_otherwise_of_delta(read, value):
    said = read({**GOOD, "spark_conf": dict.fromkeys(DELTA, value)})
    assert said["spark_conf"] == dict.fromkeys(DELTA, value)


def test_a_cluster_may_grow_and_come_from_a_pool(read):
    sized = {"min_workers": 1, "max_workers": 4}
    said = read(without("num_workers", "node_type_id", autoscale=sized, instance_pool_id="pool"))
    assert said == {
        "spark_version": "15.4.x-cpu-ml-scala2.12",
        "instance_pool_id": "pool",
        **sized,
        "spark_conf": DELTA,
    }


def test_what_azure_ml_does_not_hand_on_is_logged(read, caplog):
    read({**GOOD, "custom_tags": {"a": "b"}, "data_security_mode": "SINGLE_USER"})
    assert "hands on no custom_tags, data_security_mode of " in caplog.text


def test_the_projects_own_files_are_taken():
    for name in ("cpu", "gpu"):
        assert new_cluster(f"databricks/cluster-{name}.json")["num_workers"] == 2


@pytest.mark.parametrize(
    ("cluster", "sentence"),
    [
        ({"new_cluster": GOOD}, "the flat form is needed"),
        ({"policy_id": "p"}, "hands no policy on; write it as"),
        (without("num_workers", autoscale={"min_workers": 1}), "hands no policy on; write it"),
        ({**GOOD, "node_type": "x"}, "the key 'node_type' is unknown"),
        ({**GOOD, "spark_env_vars": {"A": "b;c"}}, "the setting A has a semicolon"),
        ({**GOOD, "spark_conf": {"a": "b;c"}}, "the setting a has a semicolon"),
    ],
)
def test_a_file_of_the_wrong_form_is_one_sentence(read, cluster, sentence):
    with pytest.raises(UserError, match=sentence) as told:
        read(cluster)
    assert "cluster.json" in str(told.value)


def test_an_existing_cluster_is_started_if_it_stands_still():
    assert existing_cluster("1-2-3") == {
        "existing_cluster_id": "1-2-3",
        "permit_cluster_restart": True,
    }
