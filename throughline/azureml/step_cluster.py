"""The cluster of a step, said as DatabricksStep takes it."""

import logging
from typing import Any

from throughline.databricks.cluster_file import FORM, read_cluster_file
from throughline.errors import UserError

logger = logging.getLogger(__name__)

DELTA = "spark.databricks.delta.preview.enabled"
_SAME = {"spark_version": "spark_version", "instance_pool_id": "instance_pool_id"}
_SAME |= {"node_type_id": "node_type", "num_workers": "num_workers"}
"""Keys of a cluster file, and what DatabricksStep calls them."""
_TAKEN = {*_SAME, "autoscale", "spark_env_vars", "spark_conf"}


def existing_cluster(number: str) -> dict[str, Any]:
    """A cluster that is there already, and is started if it stands still."""
    return {"existing_cluster_id": number, "permit_cluster_restart": True}


def new_cluster(path: str) -> dict[str, Any]:
    """The cluster of a file; Databricks makes one for each step, and removes it after the step.

    Azure ML hands on less than a cluster file may say. What it leaves out is logged.

    Raises:
        UserError: The file has another form, lacks what a step's cluster needs, or has a setting
            that would not arrive whole.
    """
    cluster = read_cluster_file(path)
    sized = "num_workers" in cluster or {"min_workers", "max_workers"} <= set(
        cluster.get("autoscale", {})
    )
    typed = cluster.keys() & {"node_type_id", "instance_pool_id"}
    if not (cluster.get("spark_version") and typed and sized):
        raise UserError(
            f"The cluster file {path} leaves to a policy what a step's cluster needs, and Azure ML "
            f"hands no policy on; write it as {FORM}."
        )
    if dropped := sorted(cluster.keys() - _TAKEN):
        logger.warning(
            "Azure ML hands on no %s of %s; the clusters have the Databricks workspace's own",
            ", ".join(dropped),
            path,
        )
    said = {name: cluster[key] for key, name in _SAME.items() if key in cluster}
    if "instance_pool_id" in said:
        said.pop("node_type", None)  # the pool has it
    if "num_workers" not in said:
        said |= {name: cluster["autoscale"][name] for name in ("min_workers", "max_workers")}
    said["spark_conf"] = {DELTA: "true", **cluster.get("spark_conf", {})}
    if variables := cluster.get("spark_env_vars"):
        said["spark_env_variables"] = variables
    _check_settings(path, said["spark_conf"] | (variables or {}))
    return said


def _check_settings(path: str, settings: dict[str, str]) -> None:
    """Refuses what Azure ML, which joins settings by semicolons, would cut in two."""
    for name, value in settings.items():
        if ";" in value or ";" in name:
            raise UserError(
                f"In the cluster file {path}, the setting {name} has a semicolon, which would not "
                "arrive whole; say it without."
            )
