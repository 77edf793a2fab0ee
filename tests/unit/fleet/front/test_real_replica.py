"""The front before a replica as it is: streams come as they are made, and whoever has left is not worked for."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import threading
import time

ran = []
may_go_on = threading.Event()


def init():
    pass


def run(text):
    ran.append(text)
    if text == "stream":
        return pieces()
    if text == "wait":
        while "go on" not in open(__file__.replace("score.py", "say")).read():
            time.sleep(0.02)
    return ran


def pieces():
    for number in range(3):
        yield str(number)
        time.sleep(0.3)
"""


@pytest.fixture
def served(front: Any, fronts: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("r")
    (folder / "score.py").write_text(SCRIPT)
    (folder / "say").write_text("")
    replica = fronts.Replica(folder / "score.py", folder).wait_ready()
    replica.folder = folder
    front.add(fronts.service("real", fronts.version("1", replica.path, key="real")))
    yield replica
    replica.kill()


def test_the_pieces_of_a_stream_come_one_by_one(front: Any, served: Any, ask_port: Callable[..., Any]) -> None:
    client = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
    client.request("POST", "/services/real/score", "stream", {"Content-Type": "application/json"})
    answer = client.getresponse()
    assert answer.read1() == b"0"
    began_s = time.monotonic()
    assert answer.read() == b"12"
    assert time.monotonic() - began_s > 0.2
    client.close()


def test_a_call_that_waits_is_not_run_for_a_client_that_has_gone(
    front: Any, served: Any, ask_port: Callable[..., Any]
) -> None:
    first = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
    headers = {"Content-Type": "application/json"}
    first.request("POST", "/services/real/score", "wait", headers)
    calls = lambda number: lambda one: one["event"] == "load" and one["sets"].get("real", {}).get("calls") == number  # noqa: E731
    front.wait_told(calls(1), "the first")
    second = socket.create_connection(("127.0.0.1", front.port), 20)
    body = b"gone"
    head = (
        b"POST /services/real/score HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    )
    second.sendall(head % len(body) + body)
    front.wait_told(calls(2), "both")
    told = len(front.told)
    second.close()
    front.wait_told(lambda one: one in front.told[told:] and calls(1)(one), "that one has gone")
    (served.folder / "say").write_text("go on")
    assert first.getresponse().read() == b'["wait"]'
    ran = ask_port(front.port, "POST", "/services/real/score", list(headers.items()), b"last").json()
    assert ran == ["wait", "last"]
    first.close()
