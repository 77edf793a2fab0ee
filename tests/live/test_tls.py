"""TLS: who is let in, what is refused, and certificates that are renewed."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from tests.conftest import ask, free_port, until

if TYPE_CHECKING:
    from tests.conftest import Served

Start = Callable[..., "Served"]

WHO = Path(__file__).parent / "scripts" / "who.py"
SPOOFED = {"X-Client-Certificate-Name": "somebody else", "x-client-certificate-name": "somebody else"}


@dataclass
class Place:
    """Where the files of one server are, and who has signed them."""

    folder: Path
    authority: trustme.CA
    clients: trustme.CA

    @property
    def flags(self) -> list[str]:
        return ["--tls-certificate", str(self.folder / "tls.crt"), "--tls-key", str(self.folder / "tls.key")]

    @property
    def mutual(self) -> list[str]:
        return [*self.flags, "--tls-client-ca", str(self.folder / "clients.pem")]

    def renew(self) -> None:
        """Write a certificate that is new."""
        made = self.authority.issue_cert("127.0.0.1", "localhost")
        made.cert_chain_pems[0].write_to_path(self.folder / "new.crt")
        made.private_key_pem.write_to_path(self.folder / "new.key")
        os.replace(self.folder / "new.key", self.folder / "tls.key")
        os.replace(self.folder / "new.crt", self.folder / "tls.crt")

    def client(self, name: str | None = None, by: trustme.CA | None = None) -> ssl.SSLContext:
        """What a client that trusts the server connects with; with `name` it has a certificate of its own."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if name is not None:
            (by or self.clients).issue_cert(f"{name}@example.org", common_name=name).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("tls"), trustme.CA(), trustme.CA())
    place.clients.cert_pem.write_to_path(place.folder / "clients.pem")
    place.renew()
    return place


@pytest.fixture(scope="module")
def secured(start: Start, place: Place) -> Iterator[Served]:
    served = start(WHO, *place.flags, "--head-timeout-s", "2", "--log-level", "DEBUG")
    yield served.wait_ready()
    served.kill()


@pytest.fixture(scope="module")
def mutual(start: Start, place: Place) -> Iterator[Served]:
    served = start(WHO, *place.mutual)
    yield served.wait_ready()
    served.kill()


def score(served: Served, context: ssl.SSLContext, body: str = "x", **headers: str) -> Any:
    connection = http.client.HTTPSConnection("127.0.0.1", served.port, timeout=30, context=context)
    with contextlib.closing(connection):
        connection.request("POST", "/score", body, headers)
        response = connection.getresponse()
        assert response.status == 200
        return json.loads(response.read())


def refusal(served: Served, context: ssl.SSLContext) -> type[OSError]:
    """How a client learns that it is not let in; with TLS 1.3 only when it reads."""
    with pytest.raises((ssl.SSLError, ConnectionError)) as refused:
        score(served, context)
    return refused.type


def serial(served: Served, context: ssl.SSLContext) -> str:
    with secure_socket(served, context) as secure:
        return str((secure.getpeercert() or {})["serialNumber"])


def secure_socket(served: Served, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", served.port), timeout=30)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_a_service_with_a_certificate_speaks_https(secured: Served, place: Place) -> None:
    assert score(secured, place.client()) == {"name": None, "size": 1}
    assert f"https://127.0.0.1:{secured.port}/score" in secured.log.text


def test_large_bodies_and_answers_come_whole(secured: Served, place: Place) -> None:
    assert score(secured, place.client(), "x" * 5_000_000)["size"] == 5_000_000
    assert len(score(secured, place.client(), "large")) == 3_000_000


def test_a_name_that_a_client_has_only_said_is_dropped(secured: Served, place: Place) -> None:
    for name, value in SPOOFED.items():
        assert score(secured, place.client(), **{name: value})["name"] is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=["1.0", "1.1"])
def test_old_versions_are_refused(secured: Served, place: Place, version: ssl.TLSVersion) -> None:
    context = place.client()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = version
        context.maximum_version = version
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # or this client's own library would not try
    refusal(secured, context)


def test_1_2_is_spoken(secured: Served, place: Place) -> None:
    context = place.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert score(secured, context)["size"] == 1


def test_plain_text_gets_no_answer_and_does_no_harm(secured: Served, place: Place) -> None:
    with socket.create_connection(("127.0.0.1", secured.port), timeout=30) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP" not in _all_of(plain)
    assert score(secured, place.client())["size"] == 1


def test_who_says_nothing_is_cut_off(secured: Served) -> None:
    with socket.create_connection(("127.0.0.1", secured.port), timeout=30) as silent:
        assert _all_of(silent) == b""  # after head_timeout_s


def test_a_client_that_sends_no_more_is_taken_to_have_gone(secured: Served, place: Place) -> None:
    with secure_socket(secured, place.client()) as secure:
        secure.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        with contextlib.suppress(OSError):
            secure.unwrap()
    assert score(secured, place.client())["size"] == 1


# -- clients' certificates --------------------------------------------------------------------------


def test_a_client_is_called_by_its_certificate_and_not_by_what_it_says(mutual: Served, place: Place) -> None:
    context = place.client("orders")
    assert score(mutual, context)["name"] == "orders"
    assert score(mutual, context, **{"X-Client-Certificate-Name": "admin"})["name"] == "orders"


def test_a_client_without_a_certificate_is_refused(mutual: Served, place: Place) -> None:
    refusal(mutual, place.client())


def test_a_client_whose_certificate_nobody_trusts_is_refused(mutual: Served, place: Place) -> None:
    refusal(mutual, place.client("orders", by=trustme.CA()))
    refusal(mutual, place.client("orders", by=place.authority))  # the server's own issuer is not the clients'


# -- renewal ----------------------------------------------------------------------------------------


@pytest.mark.drill
def test_a_renewed_certificate_is_used_without_a_restart_and_a_broken_one_is_not(start: Start, place: Place) -> None:
    served = start(WHO, *place.flags).wait_ready()
    before = serial(served, place.client())
    kept = http.client.HTTPSConnection("127.0.0.1", served.port, timeout=30, context=place.client())
    with contextlib.closing(kept):
        kept.request("GET", "/readyz")
        assert kept.getresponse().read() == b"ok"
        place.renew()
        until(lambda: serial(served, place.client()) != before, "the new certificate")
        kept.request("GET", "/readyz")  # a connection that is there already goes on
        assert kept.getresponse().read() == b"ok"
    after = serial(served, place.client())
    (place.folder / "tls.crt").write_text("half a certificate")
    served.log.wait_for("the certificates have changed, and those before hold: .*tls.crt")
    assert serial(served, place.client()) == after
    place.renew()
    until(lambda: serial(served, place.client()) != after, "the third certificate")
    assert served.stop() == 0


# -- health and the end -----------------------------------------------------------------------------


@pytest.mark.drill
def test_the_health_port_stays_plain_and_answers_nothing_else_also_beside_a_run(start: Start, place: Place) -> None:
    health = free_port()
    served = start(WHO, *place.mutual, "--health-port", str(health)).wait_ready()
    context = place.client("orders")
    assert [ask(health, target=path).status for path in ("/", "/livez", "/readyz", "/startupz")] == [200] * 4
    assert ask(health, target="/v2/health/live").json() == {"live": True}
    assert ask(health, "POST", "/score", body=b"x").status == 404
    assert ask(health, target="/v2").status == 404
    assert ask(health, target="/swagger.json").status == 404
    for _ in range(40):  # calls are short: the event loop is where run() is
        score(served, context)
    connection = http.client.HTTPSConnection("127.0.0.1", served.port, timeout=30, context=context)
    with contextlib.closing(connection):
        connection.request("POST", "/score", "sleep 2")
        served.log.wait_for("begins to sleep")  # a connection that the loop takes just before has to wait for run()
        began_s = time.monotonic()
        assert ask(health).status == 200
        assert ask(health, target="/v2/health/ready").json() == {"ready": True}
        assert time.monotonic() - began_s < 1.5
        assert connection.getresponse().status == 200
    assert served.stop() == 0


@pytest.mark.drill
def test_a_handshake_that_does_not_end_does_not_hold_up_the_end(start: Start, place: Place) -> None:
    served = start(WHO, *place.flags, "--head-timeout-s", "600").wait_ready()
    with socket.create_connection(("127.0.0.1", served.port), timeout=30):
        assert score(served, place.client())["size"] == 1
        served.signal()
        assert served.exit_code(15) == 0


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--tls-certificate", "nowhere.pem"], "tls_certificate: it cannot be used"),
        (["--tls-key", "nowhere.pem"], "tls_key: needs a tls_certificate"),
    ],
)
def test_what_cannot_be_used_is_said_at_the_start(start: Start, flags: list[str], why: str) -> None:
    served = start(WHO, *flags)
    assert served.exit_code() == 3
    served.log.wait_for(why)


def _all_of(connection: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65_536):
            data += piece
    return data
