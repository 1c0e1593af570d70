"""Blobs of a container in Azure storage: which there are, and their bytes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from throughline.errors import UserError
from throughline.sources.azure_uri import AzureUri

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

CONNECTION_STRING = "AZURE_STORAGE_CONNECTION_STRING"
ACCOUNT_KEY = "AZURE_STORAGE_ACCOUNT_KEY"
SAS_TOKEN = "AZURE_STORAGE_SAS_TOKEN"  # noqa: S105 (the variable's name)
ANONYMOUS = "AZURE_STORAGE_ANON"
DEFAULT = "DefaultAzureCredential"
"""The names are those of adlfs and azure-identity, so that one environment serves all."""


@dataclass(frozen=True)
class Blob:
    """A blob as it was when it was listed; the etag changes with every write."""

    name: str
    etag: str
    size: int


class BlobContainer:
    """The container that a URI names, with the credentials of the environment.

    Args:
        place: The container; its path does not matter here.

    Raises:
        UserError: The environment has no credentials, or some for another account.
    """

    def __init__(self, place: AzureUri) -> None:
        self.place = place
        self.by = next(
            (name for name in (CONNECTION_STRING, ACCOUNT_KEY, SAS_TOKEN) if os.environ.get(name)),
            ANONYMOUS if _is_set(ANONYMOUS) else DEFAULT,
        )
        self._client = _service(place, self.by).get_container_client(place.container)

    def matching(self, pattern: str) -> list[Blob]:
        """Lists the blobs that a path names: one blob, those of a folder, or those of a glob.

        Args:
            pattern: Parts with slashes between, each with ``*``, ``?`` or ``[...]`` or without;
                what lies below a match belongs to it, and an empty pattern is the container.

        Raises:
            UserError: The container is not there, refuses the credentials or cannot be reached.
        """
        parts = pattern.split("/") if pattern else []
        fixed = pattern[: min((pattern.find(c) for c in "*?[" if c in pattern), default=None)]
        with self._told():
            found = [
                Blob(blob.name, blob.etag, blob.size)
                for blob in self._client.list_blobs(name_starts_with=fixed, include=["metadata"])
                if not _is_folder(blob.metadata) and _matches(blob.name, parts)
            ]
        return [blob for blob in found if blob.name == pattern] or found

    def chunks(self, blob: Blob) -> Iterator[bytes]:
        """The blob's bytes, exactly as they were when it was listed.

        Raises:
            UserError: It was changed or removed since, or cannot be read to its end.
        """
        from azure.core import MatchConditions

        with self._told():
            yield from self._client.download_blob(
                blob.name, etag=blob.etag, match_condition=MatchConditions.IfNotModified
            ).chunks()

    @contextmanager
    def _told(self) -> Iterator[None]:
        from azure.core.exceptions import AzureError

        try:
            yield
        except AzureError as error:
            raise UserError(self._sentence(error)) from None

    def _sentence(self, error: Any) -> str:
        from azure.core.exceptions import (
            IncompleteReadError,
            ResourceModifiedError,
            ResourceNotFoundError,
            ServiceRequestError,
            ServiceResponseError,
        )

        account, container = self.place.account, self.place.container
        if isinstance(error, ServiceRequestError | ServiceResponseError | IncompleteReadError):
            where = self._client.primary_endpoint.split("?")[0]
            return (
                f"The storage account {account} does not answer at {where}; check its name and "
                "the network."
            )
        code = getattr(error, "error_code", None)
        code = getattr(code, "value", code)
        if isinstance(error, ResourceNotFoundError) and code != "BlobNotFound":
            public = " that is public" if self.by == ANONYMOUS else ""
            return (
                f"The storage account {account} has no container {container}{public}; check the "
                "address of the table."
            )
        if isinstance(error, ResourceModifiedError | ResourceNotFoundError):
            return f"A blob of {self.place} was changed while it was read; run the step again."
        if not getattr(error, "response", None) and self.by == DEFAULT:
            return (
                f"There are no credentials that work for the storage account {account}; set "
                f"{ACCOUNT_KEY}, {SAS_TOKEN} or {CONNECTION_STRING}, or sign in with az login."
            )
        status = getattr(error, "status_code", None)
        if status in (401, 403) or not getattr(error, "response", None):
            return (
                f"The storage account {account} refuses what {self.by} gives for the container "
                f"{container}; check that key, token or role."
            )
        return (
            f"The storage account {account} answered {status} ({code}) for {self.place}; look into "
            "its logs."
        )


def _service(place: AzureUri, by: str) -> "BlobServiceClient":
    from azure.storage.blob import BlobServiceClient, ExponentialRetry

    options: dict[str, Any] = {
        # the SDK's own policy tries an account that is not there for more than a minute
        "retry_policy": ExponentialRetry(
            initial_backoff=1, increment_base=2, random_jitter_range=1, retry_total=2
        ),
        "connection_timeout": 5,
        "read_timeout": 60,
    }
    if by == CONNECTION_STRING:
        try:
            client = BlobServiceClient.from_connection_string(os.environ[by], **options)
        except ValueError:
            raise UserError(
                f"The environment variable {by} is no connection string of Azure storage; copy it "
                "again from the account's access keys."
            ) from None
        if client.account_name not in (None, place.account):
            raise UserError(
                f"The table is in the storage account {place.account}, and {by} is for "
                f"{client.account_name}; set the one of {place.account}."
            )
        return client
    return BlobServiceClient(place.blob_endpoint, credential=_credential(place, by), **options)


def _credential(place: AzureUri, by: str) -> Any:
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
    from azure.identity import DefaultAzureCredential

    if by == ACCOUNT_KEY:
        return AzureNamedKeyCredential(place.account, os.environ[by])
    if by == SAS_TOKEN:
        return AzureSasCredential(os.environ[by])
    return DefaultAzureCredential() if by == DEFAULT else None


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() not in ("", "0", "f", "false")


def _is_folder(metadata: dict[str, str] | None) -> bool:
    """Whether a blob is the mark of a folder, as an account with real folders lists them."""
    return any(
        name.lower() == "hdi_isfolder" and value.lower() == "true"
        for name, value in (metadata or {}).items()
    )


def _matches(name: str, parts: list[str]) -> bool:
    names = name.split("/")
    return len(names) >= len(parts) and all(map(fnmatchcase, names, parts))
