"""A process that run() forks is no worker: it answers nobody, holds nothing, and ends with its worker."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

Start = Callable[..., "Served"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child cannot be tied to its parent")

SCRIPT = """
import multiprocessing
import os
import time

def init():
    pass

def forks():
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    return child

def comes_back():
    child = os.fork()
    if child == 0:
        return "the child answers"
    return os.waitpid(child, 0)[1]

def leaves():
    child = os.fork()
    if child == 0:
        raise SystemExit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def terminates():
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=[600])
    child.start()
    child.terminate()
    child.join()
    return child.exitcode

{run}
"""
PLAIN = "def run(raw_data):\n    return globals()[raw_data]()"
ASYNC = "async def run(raw_data):\n    return globals()[raw_data]()"


@pytest.fixture
def serve(start: Start, tmp_path: Path) -> Callable[..., Served]:
    """serve(short_calls): the script, with the event loop where that many short calls bring it."""

    def serve(run: str, short_calls: int = 0) -> Served:
        (tmp_path / "score.py").write_text(SCRIPT.format(run=run) + "\ndef nothing():\n    pass\n", encoding="utf-8")
        served = start(tmp_path).wait_ready()
        for _ in range(short_calls):
            assert served.say("nothing").status == 200
        return served

    return serve


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


ways = pytest.mark.parametrize(
    ("run", "short_calls"), [(PLAIN, 0), (PLAIN, 200), (ASYNC, 0)], ids=["plain", "on the spot", "async"]
)


# BUG: the child held the port, and went on after the master's end.
@ways
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_forked_process_ends_with_the_server(
    serve: Callable[..., Served], run: str, short_calls: int, number: int
) -> None:
    served = serve(run, short_calls)
    child = served.say("forks").json()
    assert is_alive(child)
    os.kill(served.process.pid if number == signal.SIGTERM else served.workers[0], number)
    if number == signal.SIGTERM:
        assert served.exit_code(15) == 0
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", served.port))  # nobody listens there any more
    else:
        served.wait_ready(2)
    deadline_s = time.monotonic() + 15
    while is_alive(child):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@ways
def test_a_forked_process_that_comes_back_from_run_answers_nobody(
    serve: Callable[..., Served], run: str, short_calls: int
) -> None:
    served = serve(run, short_calls)
    assert served.say("comes_back").json() == 0
    if run is PLAIN:
        assert served.say("leaves").json() == 7
    for _ in range(20):
        assert served.say("nothing").status == 200
    assert served.workers == served.workers[:1]
    assert served.stop() == 0


# BUG: the signal was passed on to the worker, which ended; the child did not.
@ways
def test_a_forked_process_can_be_terminated_and_its_worker_goes_on(
    serve: Callable[..., Served], run: str, short_calls: int
) -> None:
    served = serve(run, short_calls)
    assert served.say("terminates").json() == -signal.SIGTERM
    assert served.say("nothing").status == 200
    assert not served.log.matches("draining")
    assert served.stop() == 0


def test_the_connection_of_a_client_is_closed_though_a_forked_process_goes_on(serve: Callable[..., Served]) -> None:
    served = serve(PLAIN)
    message = b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nforks"
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        client.sendall(message)
        assert b"".join(iter(lambda: client.recv(65536), b"")).startswith(b"HTTP/1.1 200")
