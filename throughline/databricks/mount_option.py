"""The option ``mount=...`` of a step: a folder of the recipe, and the storage it stands for."""

from dataclasses import dataclass

from throughline.databricks.mounts import NO_MOUNT_NEEDED, mount
from throughline.dbfs import on_databricks
from throughline.errors import UserError
from throughline.login import without_login
from throughline.recipe.recipe import Recipe
from throughline.sources.azure_uri import AzureUri, is_azure
from throughline.strict import nearest

NO_MOUNT = "none"
FORM = "/mnt/raw=wasbs://container@account.blob.core.windows.net,scope=...,key=..."
_NAMES = ("scope", "key", "client", "tenant")


@dataclass(frozen=True)
class MountOption:
    """What a mount option says.

    Attributes:
        mount_point: The folder by which tables are named in the recipe.
        source: The place in Azure storage, the folder or the volume that it stands for.
        scope: The secret scope.
        key: The secret in it.
        client: The service principal's application id, for ``abfss://``.
        tenant: Its directory id.
    """

    mount_point: str
    source: str
    scope: str = ""
    key: str = ""
    client: str = ""
    tenant: str = ""

    @classmethod
    def parse(cls, text: str) -> "MountOption":
        """Reads ``MOUNT_POINT=SOURCE[,scope=SCOPE,key=KEY][,client=ID,tenant=ID]``.

        Raises:
            UserError: The text has another form, or lacks what its source needs.
        """
        first, *others = text.split(",")
        point, found, source = first.partition("=")
        if not found or not source or not point.startswith("/"):
            shown = without_login(first)
            raise UserError(f"The mount {shown!r} is not understood; write mount={FORM}.")
        given = {}
        for other in others:
            name, found, value = other.partition("=")
            if name not in _NAMES:
                raise UserError(f"The mount has {name!r}; {nearest(name, _NAMES)}.")
            if not found or not value:
                raise UserError(f"The mount's {name} has no value; write mount={FORM}.")
            given[name] = value
        option = cls(point.rstrip("/"), source.rstrip("/"), **given)
        if is_azure(source):
            AzureUri.parse(source)
            if not (option.scope and option.key):
                raise UserError(
                    f"The mount of {source} names no secret; write mount={FORM}, with the names of "
                    "a secret scope and of the secret in it."
                )
        elif not source.startswith("/") and not source.startswith(NO_MOUNT_NEEDED):
            raise UserError(
                f"The source {without_login(source)} cannot be mounted; give wasbs://..., "
                "abfss://..., dbfs:/..., /Volumes/... or, off Databricks, a folder."
            )
        return option

    def open(self) -> str:
        """Mounts the source on Databricks; elsewhere tables are read from the source itself.

        Returns:
            The place that the mount point stands for.

        Raises:
            UserError: The mount cannot be made.
        """
        if not on_databricks() or not is_azure(self.source):
            return self.source
        return mount(
            self.source,
            self.mount_point,
            self.scope,
            self.key,
            client=self.client,
            tenant=self.tenant,
        )


def mounted(recipe: Recipe, option: str) -> Recipe:
    """The recipe with its tables below the mount point named by the place that it stands for.

    Args:
        recipe: A recipe.
        option: The text of a mount option; ``none`` leaves the recipe as it is.

    Raises:
        UserError: The option is not understood, no table is below its mount point, or the mount
            cannot be made.
    """
    if option == NO_MOUNT:
        return recipe
    parsed = MountOption.parse(option)
    source = recipe.source
    tables = [source.table, *(join.table for join in source.joins)]
    if not any(_below(table, parsed.mount_point) for table in tables):
        raise UserError(
            f"No table of the recipe is below the mount point {parsed.mount_point}; its tables are "
            f"{', '.join(tables)}."
        )
    place = parsed.open()

    def moved(table: str) -> str:
        rest = _below(table, parsed.mount_point)
        return table if rest is None else place + rest

    joins = tuple(join.model_copy(update={"table": moved(join.table)}) for join in source.joins)
    changed = source.model_copy(update={"table": moved(source.table), "joins": joins})
    return recipe.model_copy(update={"source": changed})


def _below(table: str, mount_point: str) -> str | None:
    """The rest of a table's path below the mount point, with its slash; None if it is not there."""
    path = table.removeprefix("dbfs:").removeprefix("/dbfs")
    rest = path.removeprefix(mount_point)
    return rest if path != rest and rest[:1] in ("", "/") else None
