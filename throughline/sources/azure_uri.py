"""Addresses of blobs as Hadoop writes them: wasbs:// and abfss:// URIs."""

import re
from dataclasses import dataclass

from throughline.errors import UserError

SCHEMES = ("wasbs", "wasb", "abfss", "abfs")
FORM = "abfss://container@account.dfs.core.windows.net/path"

_URI = re.compile(
    r"(?P<scheme>wasbs?|abfss?)://(?P<container>[a-z0-9$-]{1,63})@(?P<account>[a-z0-9]{3,24})"
    r"\.(?P<service>blob|dfs)\.(?P<domain>[a-z0-9.-]+)(?:/(?P<path>.*))?"
)
_SERVICES = {"wasb": "blob", "wasbs": "blob", "abfs": "dfs", "abfss": "dfs"}


@dataclass(frozen=True)
class AzureUri:
    """A place in a container of an Azure storage account.

    Attributes:
        scheme: One of ``SCHEMES``.
        container: The container's name.
        account: The storage account's name.
        domain: The cloud's, as ``core.windows.net``.
        path: The name of a blob or a folder, or a glob; no slash at either end, empty for all.
    """

    scheme: str
    container: str
    account: str
    domain: str
    path: str

    @classmethod
    def parse(cls, uri: str) -> "AzureUri":
        """Takes a URI apart.

        Raises:
            UserError: It has another form, or carries a SAS token, which the sentence leaves out.
        """
        if "sig=" in uri:
            raise UserError(
                f"The address {uri.partition('?')[0]} carries a SAS token, which is a secret; "
                "leave it out and put it into the environment variable AZURE_STORAGE_SAS_TOKEN."
            )
        match = _URI.fullmatch(uri)
        if match is None or match["service"] != _SERVICES[match["scheme"]]:
            raise UserError(
                f"The address {uri} is no place in Azure storage; write {FORM}, "
                "or wasbs://container@account.blob.core.windows.net/path."
            )
        path = (match["path"] or "").strip("/")
        return cls(match["scheme"], match["container"], match["account"], match["domain"], path)

    @property
    def blob_endpoint(self) -> str:
        """Where the account's blobs are asked for over HTTPS, whatever the scheme."""
        return f"https://{self.account}.blob.{self.domain}"

    @property
    def root(self) -> str:
        """The URI of the whole container."""
        service = _SERVICES[self.scheme]
        return f"{self.scheme}://{self.container}@{self.account}.{service}.{self.domain}"

    def __str__(self) -> str:
        return f"{self.root}/{self.path}" if self.path else self.root


def is_azure(uri: str) -> bool:
    """Whether an address is one of Azure storage, well-formed or not."""
    return uri.partition("://")[0] in SCHEMES and "://" in uri
