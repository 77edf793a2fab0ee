"""Clients that go away while their calls wait: nothing of them is left behind."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import until

if TYPE_CHECKING:
    from tests.conftest import Served
    from tests.live.conftest import Later

SCRIPT = Path(__file__).parent / "scripts" / "batched.py"
JSON = [("Content-Type", "application/json")]
HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def array(count: int) -> bytes:
    return b'{"values": [%s]}' % b",".join([b"1.5"] * count)


def connections_of(served: Served) -> int:
    """Sockets that the newest worker has open."""
    links = Path(f"/proc/{served.workers[-1]}/fd").iterdir()
    names = []
    for link in links:
        with contextlib.suppress(OSError):
            names.append(os.readlink(link))
    return sum(name.startswith("socket:") for name in names)


# BUG: with batching a call that was left out of its batch, since its client had gone, kept its connection for good and
# the room of its body: after some hundred of them every body was a 503, and SIGTERM waited for the whole drain.
@pytest.mark.parametrize("flags", [[], ["--max-batch-size", "8"]], ids=["alone", "batches"])
def test_a_client_that_leaves_while_its_call_waits_leaves_nothing_behind(
    start: Callable[..., Served], later: type[Later], tmp_path: Path, flags: list[str]
) -> None:
    served = start(SCRIPT, "--max-bodies-mb", "2", *flags, cwd=tmp_path).wait_ready()
    body = array(100_000)  # 400 kB
    before = connections_of(served)
    busy = later(lambda: served.ask("POST", "/score", headers=JSON, body=array(1)))
    served.log.wait_for("scoring 1 ")
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            link = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=30))
            link.sendall(HEAD % len(body) + body)
        assert served.ask().status == 200
    assert served.ask().status == 200
    (tmp_path / "go on").touch()
    assert busy.reply().status == 200
    assert served.ask("POST", "/score", headers=JSON, body=array(480_000)).status == 200  # 1.9 MB
    until(lambda: connections_of(served) <= before, "the connections to be closed")
    began_s = time.monotonic()
    assert served.stop() == 0
    assert time.monotonic() - began_s < 15
