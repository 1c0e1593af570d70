"""Containers of Azure storage as folders of the Databricks file system."""

import logging
from typing import Any

from throughline.databricks.dbutils import Dbutils, DbutilsError, Secret, open_dbutils
from throughline.errors import UserError
from throughline.sources.azure_uri import AzureUri, is_azure

logger = logging.getLogger(__name__)

NO_MOUNT_NEEDED = ("dbfs:/", "/Volumes/")
"""Places that every cluster sees as they are: the file system itself, and volumes."""


def mount(
    source: str,
    mount_point: str,
    secret_scope: str,
    key: str,
    *,
    client: str = "",
    tenant: str = "",
) -> str:
    """Makes a source readable at a mount point, and does nothing if it already is.

    A mount of another source at the same point is changed to this one. A source that needs no
    mount (``dbfs:/...``, a volume at ``/Volumes/...``) is left as it is.

    Databricks mounts ``wasbs://`` with the account's key, and ``abfss://`` for a service principal
    only (its documentation, "Mounting cloud object storage on Databricks"); for new workspaces it
    recommends volumes.

    Args:
        source: ``wasbs://container@account.blob.core.windows.net/folder``,
            ``abfss://container@account.dfs.core.windows.net/folder``, or a place without a mount.
        mount_point: Where it is to be, as ``/mnt/raw``.
        secret_scope: The secret scope, and in it
        key: the secret: the account's key, or for ``abfss://`` the service principal's secret.
        client: For ``abfss://``, the service principal's application (client) id.
        tenant: For ``abfss://``, its directory (tenant) id.

    Returns:
        Where Spark reads it: ``dbfs:`` and the mount point, or a source that needs no mount.

    Raises:
        UserError: The source cannot be mounted so, no cluster can be reached, or it refuses.
    """
    if source.startswith(NO_MOUNT_NEEDED):
        return source.rstrip("/")
    if not is_azure(source):
        raise UserError(
            f"The source {source} cannot be mounted; give wasbs://..., abfss://..., dbfs:/... or "
            "/Volumes/...."
        )
    place, point = AzureUri.parse(source), _checked(mount_point)
    configs = _configs(place, Secret(secret_scope, key), client, tenant)
    with open_dbutils() as dbutils:
        try:
            _reconcile(dbutils, place, point, configs)
        except DbutilsError as error:
            raise UserError(
                f"{place} cannot be mounted at {point} with the secret {key!r} of the scope "
                f"{secret_scope!r}: {error}."
            ) from None
    return f"dbfs:{point}"


def _reconcile(dbutils: Dbutils, place: AzureUri, point: str, configs: dict[str, Any]) -> None:
    dbutils.call("fs.refreshMounts")  # another cluster may have changed them
    mounted = {there.rstrip("/"): source for there, source, *_ in dbutils.call("fs.mounts")}
    known = mounted.get(point, "").rstrip("/")
    if known == str(place):
        logger.info("%s is mounted at %s already", place, point)
        return
    if below := [there for there in mounted if _nested(there, point)]:
        raise UserError(
            f"The mount point {point} and the existing one {below[0]} lie in each other; give "
            "another mount point."
        )
    how = "fs.updateMount" if known else "fs.mount"  # changed in one go: others may be reading
    dbutils.call(how, source=str(place), mount_point=point, extra_configs=configs)
    logger.info("mounted %s at %s%s", place, point, f" instead of {known}" if known else "")


def _configs(place: AzureUri, secret: Secret, client: str, tenant: str) -> dict[str, Any]:
    if place.scheme == "wasbs":
        return {f"fs.azure.account.key.{place.account}.blob.{place.domain}": secret}
    if place.scheme == "abfss" and client and tenant:
        oauth = "fs.azure.account.oauth"
        return {
            "fs.azure.account.auth.type": "OAuth",
            f"{oauth}.provider.type": (
                "org.apache.hadoop.fs.azurebfs.oauth2.ClientCredsTokenProvider"
            ),
            f"{oauth}2.client.id": client,
            f"{oauth}2.client.secret": secret,
            f"{oauth}2.client.endpoint": f"https://login.microsoftonline.com/{tenant}/oauth2/token",
        }
    if place.scheme == "abfss":
        raise UserError(
            f"Databricks mounts {place} for a service principal only, not with an account key; "
            "give client=... and tenant=..., or let the cluster's spark_conf read it without a "
            f"mount: fs.azure.account.key.{place.account}.dfs.{place.domain} with the value "
            f"{{{{secrets/{secret.scope}/{secret.key}}}}}."
        )
    raise UserError(f"The source {place} would be read without encryption; write {place.scheme}s:.")


def _checked(mount_point: str) -> str:
    point = mount_point.removeprefix("dbfs:").rstrip("/")
    if not point.startswith("/") or {"", ".", ".."} & set(point.split("/")[1:]):
        raise UserError(
            f"The mount point {mount_point!r} is no path of the Databricks file system; give one "
            "such as /mnt/raw."
        )
    return point


def _nested(one: str, other: str) -> bool:
    inside = f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
    return one not in ("", other) and inside
