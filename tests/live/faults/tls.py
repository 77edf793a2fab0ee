"""TLS: what is too old or not trusted is refused, and a certificate is renewed under load."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import Served
from tests.live.faults.load import Load, statuses
from tests.live.faults.table import CannotRun, Drill, Row, pause

if TYPE_CHECKING:
    import trustme

TRIES = 20


class Certificates:
    """The files of one server, and who has signed them."""

    def __init__(self, folder: Path) -> None:
        try:
            import trustme
        except ImportError as missing:
            raise CannotRun(f"{missing}; pip install trustme") from None
        self.folder, self.authority, self.clients, self.stranger = folder, trustme.CA(), trustme.CA(), trustme.CA()
        self.clients.cert_pem.write_to_path(folder / "clients.pem")
        self.renew()

    def renew(self) -> None:
        """Write a certificate that is new."""
        made = self.authority.issue_cert("127.0.0.1", "localhost")
        made.cert_chain_pems[0].write_to_path(self.folder / "new.crt")
        made.private_key_pem.write_to_path(self.folder / "new.key")
        os.replace(self.folder / "new.key", self.folder / "tls.key")
        os.replace(self.folder / "new.crt", self.folder / "tls.crt")

    @property
    def flags(self) -> list[str]:
        """What `serve` is told."""
        return ["--tls-certificate", str(self.folder / "tls.crt"), "--tls-key", str(self.folder / "tls.key")]

    def client(self, by: trustme.CA | None = None) -> ssl.SSLContext:
        """What a client that trusts the server connects with; with a certificate that `by` has signed."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if by is not None:
            by.issue_cert("orders@example.org", common_name="orders").configure_cert(context)
        return context


def tls(drill: Drill) -> None:
    """Old versions, strangers, renewal."""
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        name = "1.0" if version is ssl.TLSVersion.TLSv1 else "1.1"
        with drill.row(f"TLS {name}", "each handshake is refused; TLS 1.2 and 1.3 are spoken beside it") as row:
            files = Certificates(row.folder)
            served = row.serve("drill.py", *files.flags)
            _refused(row, served, _only(files.client(), version))
            for good in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                _let_in(row, served, _only(files.client(), good))
    for name in ("without a certificate", "with one of a stranger", "with one of the server's authority"):
        with drill.row(
            f"TLS client {name}", "each is refused; those with a certificate of the clients' authority come in"
        ) as row:
            files = Certificates(row.folder)
            served = row.serve("drill.py", *files.flags, "--tls-client-ca", str(row.folder / "clients.pem"))
            by = {"without a certificate": None, "with one of a stranger": files.stranger}.get(name, files.authority)
            _refused(row, served, files.client(by))
            _let_in(row, served, files.client(files.clients))
    with drill.row("TLS certificate renewed", "new connections get the new one; no request is lost") as row:
        files = Certificates(row.folder)
        _renewed(row, files, row.serve("drill.py", *files.flags), drill.seconds)


def _renewed(row: Row, files: Certificates, served: Served, seconds: float) -> None:
    seen = set()
    context = files.client()
    with (
        Load(served.port, clients=4, tls=context) as kept,
        Load(served.port, clients=4, kept=False, tls=context) as fresh,
    ):
        for _ in range(3):
            pause(max(seconds / 3, 1.5))  # the files are looked at once a second
            seen.add(_serial(served, context))
            files.renew()
        fresh.wait_for(20)
        kept.wait_for(20)
    row.add(kept.counts + fresh.counts)
    row.note(f"{len(seen)} certificates were seen")
    row.require_none_lost()
    row.require(row.counts["not established"] == 0, f"{row.counts['not established']} handshakes failed")
    row.require(row.counts["status 200"] == row.counts["answered"], statuses(row.counts))
    row.require(len(seen) == 3, f"{len(seen)} certificates were seen, of 3")


def _only(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # or this client's own library would not try
    return context


def _serial(served: Served, context: ssl.SSLContext) -> str:
    plain = socket.create_connection(("127.0.0.1", served.port), timeout=30)
    with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
        return str((secure.getpeercert() or {})["serialNumber"])


def _let_in(row: Row, served: Served, context: ssl.SSLContext) -> None:
    with Load(served.port, clients=2, kept=False, tls=context) as load:
        load.wait_for(TRIES)
    row.add(load.counts)
    row.require_none_lost()
    row.require(
        load.counts["status 200"] == load.counts["answered"] >= TRIES, f"who may come in: {statuses(load.counts)}"
    )


def _refused(row: Row, served: Served, context: ssl.SSLContext) -> None:
    """Try to ask; nothing of an answer may come."""
    for _ in range(TRIES):
        answer = b""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", served.port), timeout=30) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            secure.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
            answer = secure.recv(100)
        row.counts["refused"] += not answer
        row.require(not answer, f"it was let in: {answer[:50]!r}")
    row.require("POST /score" not in served.log.text, "a request of it was scored")
