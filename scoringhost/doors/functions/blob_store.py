"""Named documents in one container of blob storage."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from scoringhost.errors import MissingExtra, SettingsError

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

CONNECTION = "AzureWebJobsStorage"


class BlobStore:
    """A container, made when it is first written to. What the storage refuses is raised as it comes."""

    def __init__(self, connection: str | None, container: str) -> None:
        """Nothing is opened yet; `connection` is a connection string."""
        self._connection, self._name = connection, container
        self._client: ContainerClient | None = None

    async def put(self, name: str, content: bytes) -> None:
        """Write a document, over the old one if there is one.

        Raises:
            SettingsError: if there is no connection string.
            MissingExtra: if azure-storage-blob is not installed.
        """
        await asyncio.to_thread(self._put, name, content)

    async def get(self, name: str) -> bytes | None:
        """Read a document; None if there is none.

        Raises:
            SettingsError, MissingExtra: as `put`.
        """
        return await asyncio.to_thread(self._get, name)

    async def delete(self, name: str) -> None:
        """Remove a document, if it is there."""
        await asyncio.to_thread(self._delete, name)

    def _put(self, name: str, content: bytes) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        client = self._open()
        try:
            client.upload_blob(name, content, overwrite=True)
        except ResourceNotFoundError:
            self._make(client)
            client.upload_blob(name, content, overwrite=True)

    def _make(self, client: ContainerClient) -> None:
        from azure.core.exceptions import ResourceExistsError

        with suppress(ResourceExistsError):  # somebody else was quicker
            client.create_container()

    def _get(self, name: str) -> bytes | None:
        client = self._open()
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return client.download_blob(name).readall()
        except ResourceNotFoundError:
            return None

    def _delete(self, name: str) -> None:
        client = self._open()
        from azure.core.exceptions import ResourceNotFoundError

        with suppress(ResourceNotFoundError):
            client.delete_blob(name)

    def _open(self) -> ContainerClient:
        if self._client is None:
            try:
                from azure.storage.blob import ContainerClient
            except ImportError:
                raise MissingExtra("azure-storage-blob", "jobs") from None
            if not self._connection:
                raise SettingsError(CONNECTION, self._connection, "background jobs need a storage connection string")
            logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)
            try:
                self._client = ContainerClient.from_connection_string(self._connection, self._name)
            except ValueError as problem:
                raise SettingsError(CONNECTION, "(not shown)", str(problem)) from None
        return self._client
