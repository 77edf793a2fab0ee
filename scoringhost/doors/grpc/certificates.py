"""TLS of the gRPC port: the files that the settings name, read again when they have changed."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc

from scoringhost.settings import ServerSettings
from scoringhost.telemetry.logs import HOST_LOGGER

NAME_HEADER = "x-client-certificate-name"
"""Where run() finds the name of a client that has shown a certificate, as over HTTP."""

log = logging.getLogger(HOST_LOGGER)

Stamps = list[tuple[int, int, int] | None]


class Files:
    """What connections are secured with. gRPC asks for it at each handshake."""

    def __init__(self, settings: ServerSettings) -> None:
        assert settings.tls_certificate is not None
        self._certificate = settings.tls_certificate
        self._key = settings.tls_key or settings.tls_certificate
        self._client_ca = settings.tls_client_ca
        self._stamps = self._stamps_now()

    @property
    def asks_clients(self) -> bool:
        """Whether clients must show a certificate."""
        return self._client_ca is not None

    def configuration(self) -> Any:
        """What the files hold. Raises OSError if they cannot be read."""
        authorities = None if self._client_ca is None else Path(self._client_ca).read_bytes()
        pair = (Path(self._key).read_bytes(), Path(self._certificate).read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], authorities)

    def changed(self) -> Any:
        """The configuration, if the files have changed and can be read; else None, and what was read before holds."""
        stamps = self._stamps_now()
        if stamps == self._stamps:
            return None
        self._stamps = stamps
        try:
            configuration = self.configuration()
        except OSError as problem:
            log.error("the certificates have changed, and for gRPC those before hold: %s", problem)
            return None
        log.info("the certificates have changed; new connections over gRPC get the new ones")
        return configuration

    def _stamps_now(self) -> Stamps:
        return [_stamp(path) for path in (self._certificate, self._key, self._client_ca) if path is not None]


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def credentials_of(settings: ServerSettings) -> Any:
    """What grpc's server secures its port with."""
    files = Files(settings)
    return grpc.dynamic_ssl_server_credentials(
        files.configuration(), files.changed, require_client_authentication=files.asks_clients
    )


def name_of(found: Mapping[str, Sequence[bytes]]) -> str:
    """How a client is called by its certificate, as gRPC has verified it: common name, or else alternative name."""
    for key in ("x509_common_name", "x509_subject_alternative_name"):
        values = found.get(key)
        if values:
            name = values[0].decode("utf-8", "replace")
            return name if name.isascii() and name.isprintable() else ascii(name)[1:-1]
    return ""
