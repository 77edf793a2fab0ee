"""Where the server listens: IPv6, Unix sockets, and what GUNICORN_CMD_ARGS says of it."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

Life = Callable[..., "Served"]
Start = Callable[..., "Served"]

LIFE = Path(__file__).parent / "scripts" / "life.py"


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def score(connection: http.client.HTTPConnection, text: str) -> tuple[int, bytes]:
    with contextlib.closing(connection):
        connection.request("POST", "/score", text.encode())
        response = connection.getresponse()
        return response.status, response.read()


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


# BUG: gunicorn takes `::1:5001` for a host named so, and the URL in the banner was none.
@ipv6
@pytest.mark.parametrize("host", ["::1", "::", "[::1]"])
def test_an_ipv6_address_is_listened_on(life: Life, host: str, port_of_nobody: Callable[[], int]) -> None:
    health_port = port_of_nobody()
    served = life("--host", host, "--workers", "2", "--health-port", str(health_port), workers=2)
    connection = http.client.HTTPConnection("::1", served.port, timeout=30)
    assert score(connection, "echo x") == (200, b'"x"')
    probe = http.client.HTTPConnection("::1", health_port, timeout=30)
    with contextlib.closing(probe):
        probe.request("GET", "/")
        assert probe.getresponse().status == 200
    assert served.log.matches(rf"POST http://\[{host.strip('[]')}\]:{served.port}/score")
    if host == "::":
        assert served.say("echo four").json() == "four"  # both families
    assert served.stop() == 0


@ipv6
def test_a_port_in_use_is_refused_on_an_ipv6_address_too(start: Start) -> None:
    with socket.socket(socket.AF_INET6) as other:
        other.bind(("::1", 0))
        other.listen()
        served = start(LIFE, "--host", "[::1]", "--port", str(other.getsockname()[1]))
        assert served.exit_code() == 3
    assert "in use" in served.log.text


@ipv6
def test_a_run_that_cannot_be_stopped_is_a_504_on_an_ipv6_address_too(life: Life) -> None:
    served = life("--host", "::1", SCORING_TIMEOUT_MS="300")
    for _ in range(200):  # they bring the event loop to the thread of run()
        connection = http.client.HTTPConnection("::1", served.port, timeout=30)
        assert score(connection, "pid")[0] == 200
    assert score(http.client.HTTPConnection("::1", served.port, timeout=30), "stuck")[0] == 504


# BUG: with two workers every connection was dropped: a Unix socket has no TCP_NODELAY.
@pytest.mark.parametrize("workers", [1, 2])
def test_a_unix_socket_is_listened_on(life: Life, tmp_path: Path, workers: int) -> None:
    path = tmp_path / "socket"
    served = life("--workers", str(workers), workers=workers, GUNICORN_CMD_ARGS=f"--bind unix:{path}")
    for _ in range(10):
        assert score(UnixConnection(path), "echo x") == (200, b'"x"')
    assert served.log.matches(f"at unix:{path}")
    assert served.stop() == 0
    assert not path.exists()


def test_another_port_by_gunicorns_arguments_is_the_one_that_is_shown(
    life: Life, port_of_nobody: Callable[[], int]
) -> None:
    port = port_of_nobody()
    served = life(GUNICORN_CMD_ARGS=f"--bind 127.0.0.1:{port}")
    assert served.log.matches(f"POST http://127.0.0.1:{port}/score")
    served.port = port
    assert served.say("environment SERVER_PORT").json() == str(port)


# BUG: plain text was served where TLS was wanted.
def test_certificates_are_refused(start: Start) -> None:
    served = start(LIFE, GUNICORN_CMD_ARGS="--certfile cert.pem --keyfile key.pem")
    assert served.exit_code() == 3
    assert "GUNICORN_CMD_ARGS: --certfile: it has no effect here; use --tls-certificate" in served.log.text


def test_what_has_no_effect_is_said(life: Life) -> None:
    served = life(GUNICORN_CMD_ARGS="--worker-class gthread --keep-alive 7")
    assert served.log.matches("GUNICORN_CMD_ARGS: --worker-class has no effect here")
    assert served.log.matches(r"keep_alive_s +7 +\(environment GUNICORN_CMD_ARGS\)")
