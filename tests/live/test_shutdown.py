"""SIGTERM: what was taken in is answered, shutdown() is called, and the exit code is 0."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served
    from tests.live.conftest import Later

Life = Callable[..., "Served"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_stops_with_0_and_calls_shutdown(life: Life, number: int) -> None:
    served = life()
    served.signal(number)
    assert served.exit_code(10) == 0
    assert served.log.matches(f"shutdown in {served.workers[0]}")


def test_a_run_in_progress_is_finished(life: Life, later: type[Later]) -> None:
    served = life()
    request = later(lambda: served.say("nap 1.5"))
    served.log.wait_for("napping 1.5")
    served.signal()
    assert request.reply().json() == "slept 1.5"
    assert served.exit_code(10) == 0
    assert served.log.matches("shutdown in")


def test_requests_that_wait_are_answered(life: Life, later: type[Later]) -> None:
    served = life()
    first = later(lambda: served.say("nap 1.0"))
    served.log.wait_for("napping 1.0")
    waiting = [later(lambda act=f"nap 0.{number}": served.say(act)) for number in (1, 2, 3)]
    for _ in range(20):  # each answer shows that the event loop has gone round
        assert served.ask().status == 200
    served.signal()
    assert first.reply().json() == "slept 1.0"
    assert sorted(request.reply().json() for request in waiting) == ["slept 0.1", "slept 0.2", "slept 0.3"]
    assert served.exit_code(10) == 0


# BUG: a request of which a part had come counted as an idle connection, and was dropped without an answer.
@pytest.mark.parametrize("sent", [20, 90, 150], ids=["in its request line", "in its head", "in its body"])
def test_a_request_that_is_still_arriving_is_read_and_answered(life: Life, sent: int) -> None:
    served = life()
    body = b"nap 0.01" + b" " * 100
    message = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nX-Padding: %s\r\n\r\n" % (len(body), b"x" * 30)
    message += body
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as client:
        client.sendall(message[:sent])
        for _ in range(5):  # each answer shows that the event loop has gone round
            assert served.ask().status == 200
        served.signal()
        served.log.wait_for("is draining")
        time.sleep(0.3)  # longer than idle connections are kept
        client.sendall(message[sent:])
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in answer
    assert served.exit_code(10) == 0


def test_a_request_that_does_not_go_on_arriving_does_not_keep_the_server(life: Life) -> None:
    served = life("--drain-timeout-s", "1")
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as client:
        client.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n0123")
        for _ in range(5):
            assert served.ask().status == 200
        served.signal()
        assert served.exit_code(10) == 0


def test_every_worker_calls_shutdown(life: Life) -> None:
    served = life("--workers", "2", workers=2)
    assert served.stop() == 0
    assert {int(found[1]) for found in served.log.matches(r"shutdown in (\d+)")} == set(served.workers)


def test_a_run_that_outlasts_the_drain_timeout_does_not_keep_the_server(life: Life, later: type[Later]) -> None:
    served = life("--drain-timeout-s", "1")
    request = later(lambda: served.say("nap 60"))
    served.log.wait_for("napping 60")
    served.signal()
    assert served.exit_code(12) == 0
    with contextlib.suppress(ConnectionError):
        assert request.reply().status >= 500


def test_a_server_that_is_still_in_init_stops_at_once(start: Callable[..., Served], tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    text = "import time\n\n\ndef init():\n    print('loading')\n    time.sleep(60)\n\n\ndef run(data):\n    pass\n"
    script.write_text(text, encoding="utf-8")
    served = start(script)
    served.log.wait_for("loading")
    served.signal()
    assert served.exit_code(10) == 0
