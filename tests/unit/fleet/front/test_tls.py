"""TLS ends at the front; the replica is told so, and whose certificate it was."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trustme

from scoringhost.settings import Settings

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_a_request_over_tls_goes_on_with_the_name_of_its_client(
    start_front: Callable[..., Any],
    fronts: Any,
    hand_made: Callable[..., Any],
    request_reader: Callable[[socket.socket], tuple[bytes, bytes]],
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.private_key_and_cert_chain_pem.write_to_path(tmp_path / "tls.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    asked = []

    def serve(connection: socket.socket) -> None:
        while True:
            asked.append(request_reader(connection)[0])
            connection.sendall(OK)

    replica = hand_made(tmp_path / "w.sock", serve)
    front = start_front(Settings(tls_certificate=str(tmp_path / "tls.pem"), tls_client_ca=str(tmp_path / "ca.pem")))
    front.table(fronts.service("safe", fronts.version("1", replica.path, key="safe")))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    authority.issue_cert("someone@example.com", common_name="someone").configure_cert(context)
    client = http.client.HTTPSConnection("127.0.0.1", front.port, timeout=20, context=context)
    for _ in range(2):
        client.request("POST", "/services/safe/score", b"x", {"x-client-certificate-name": "another"})
        assert client.getresponse().read() == b"ok"
    client.close()
    assert b"\r\nx-client-certificate-name: someone\r\n" in asked[0]
    assert b"\r\nx-forwarded-proto: https\r\n" in asked[0]
    assert b"\r\nx-scoringhost-caller: someone\r\n" in asked[1]
