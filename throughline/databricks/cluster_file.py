"""A user's cluster file: the JSON of one new cluster, checked before anything is started."""

import json
from pathlib import Path
from typing import Any

from throughline.databricks.sdk_shape import first_mistake
from throughline.errors import UserError

FORM = '{"spark_version": ..., "node_type_id": ..., "num_workers": ...}'


def read_cluster_file(path: str) -> dict[str, Any]:
    """Reads the cluster that a job is to run on.

    MLflow hands the file's content on as the job's ``new_cluster``, so it is the cluster itself
    (the flat form), without a wrapper.

    Returns:
        The file's content, as it is there.

    Raises:
        UserError: There is no such file, it is no JSON, has another form, lacks what a cluster
            needs, or has a key or a value that Databricks does not know.
    """
    cluster = _parsed(path)
    if "new_cluster" in cluster:
        raise UserError(
            f"The cluster file {path} wraps the cluster in 'new_cluster', and the flat form is "
            f"needed: put what is inside at the top, as in {FORM}."
        )
    if "existing_cluster_id" in cluster:
        raise UserError(
            f"The cluster file {path} names an existing cluster, and a job gets a new one: "
            f"describe it in the flat form, as in {FORM}."
        )
    from databricks.sdk.service.compute import ClusterSpec

    if mistake := first_mistake(ClusterSpec, cluster):
        raise UserError(f"In the cluster file {path}, {mistake}.")
    if lacking := _lacking(cluster):
        raise UserError(f"The cluster file {path} lacks {lacking}; it needs {FORM}.")
    return cluster


def _parsed(path: str) -> dict[str, Any]:
    try:
        cluster = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"The cluster file {path} cannot be read ({error.strerror}); give the path of a JSON "
            f"file such as {FORM}."
        ) from None
    except json.JSONDecodeError as error:
        raise UserError(
            f"The cluster file {path} is no JSON: {error.msg} in line {error.lineno}, column "
            f"{error.colno}; write it as {FORM}."
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"The cluster file {path} is no text in UTF-8; save it as such.") from None
    if not isinstance(cluster, dict):
        raise UserError(f"The cluster file {path} is no JSON object; write it as {FORM}.")
    return cluster


def _lacking(cluster: dict[str, Any]) -> str:
    """What the cluster needs and the file lacks; a policy or a pool may know it instead."""
    if "policy_id" in cluster:
        return ""
    lacking = []
    if "spark_version" not in cluster:
        lacking.append("spark_version")
    if not cluster.keys() & {"node_type_id", "instance_pool_id"}:
        lacking.append("node_type_id (or instance_pool_id)")
    if not cluster.keys() & {"num_workers", "autoscale"} and not cluster.get("is_single_node"):
        lacking.append("num_workers (or autoscale)")
    return ", ".join(lacking)
