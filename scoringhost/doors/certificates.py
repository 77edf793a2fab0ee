"""TLS: the server's certificate, whose certificates it accepts, and how a client is called by its own.

The files are looked at once a second. When they have changed new connections get what is in them; if
that cannot be used, as while one of two files has been renewed, what was read before holds.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scoringhost.errors import SettingsError
from scoringhost.settings import ServerSettings
from scoringhost.telemetry.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Files:
    """Where the certificate is, its key (None: in the same file), and the authorities of clients (None: anybody)."""

    certificate: str
    key: str | None = None
    client_ca: str | None = None
    speaks: str = "http/1.1"
    """The protocol that is spoken over the connection, by its name for ALPN (RFC 7301)."""

    def context(self) -> ssl.SSLContext:
        """Read the files.

        Raises:
            SettingsError: if they cannot be used; names the one.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996: nobody may speak 1.0 and 1.1 any more
        context.options |= ssl.OP_NO_RENEGOTIATION  # which costs the server more than the client
        context.set_alpn_protocols([self.speaks])
        try:
            context.load_cert_chain(self.certificate, self.key, _no_password)
        except (OSError, ValueError) as problem:  # an SSLError is an OSError
            raise SettingsError("tls_certificate", self.certificate, f"it cannot be used: {problem}") from None
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            try:
                context.load_verify_locations(self.client_ca)
            except OSError as problem:
                raise SettingsError("tls_client_ca", self.client_ca, f"it cannot be used: {problem}") from None
        return context

    def stamps(self) -> list[Stamp | None]:
        """What tells a changed file: a link that leads elsewhere, as Kubernetes renews a secret, is one, too."""
        return [_stamp(path) for path in (self.certificate, self.key, self.client_ca) if path is not None]


def _no_password() -> str:
    raise ValueError("its key is encrypted, and nobody is there to be asked for the password")


def _stamp(path: str) -> Stamp | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


class Certificates:
    """What new connections are secured with."""

    def __init__(self, files: Files) -> None:
        """Read the files.

        Raises:
            SettingsError: if they cannot be used.
        """
        self._files = files
        self._stamps = files.stamps()  # before they are read: what changes meanwhile is read again
        self.context = files.context()

    def look(self) -> None:
        """Read the files again if they have changed."""
        stamps = self._files.stamps()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self.context = self._files.context()
        except SettingsError as problem:
            log.error("the certificates have changed, and those before hold: %s", problem)
        else:
            log.info("the certificates have changed; new connections get the new ones")


def certificates_of(settings: ServerSettings, speaks: str = "http/1.1") -> Certificates | None:
    """What the settings name; None if connections are not secured. speaks: see `Files`.

    Raises:
        SettingsError: if it cannot be used.
    """
    if settings.tls_certificate is None:
        for name in ("tls_key", "tls_client_ca"):
            if getattr(settings, name) is not None:
                raise SettingsError(name, getattr(settings, name), "needs a tls_certificate")
        return None
    return Certificates(Files(settings.tls_certificate, settings.tls_key, settings.tls_client_ca, speaks))


def name_of(certificate: Mapping[str, Any] | None) -> str:
    """How a client is called, by its verified certificate as Python's ssl module has it; empty without one.

    The common name, or else the first alternative name: a SPIFFE id is a certificate's only name.
    """
    if not certificate:
        return ""
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    names = [value for key, value in subject if key == "commonName"]
    names += [value for _, value in certificate.get("subjectAltName", ())]
    name = str(names[0]) if names else ""
    return name if name.isascii() and name.isprintable() else ascii(name)[1:-1]
