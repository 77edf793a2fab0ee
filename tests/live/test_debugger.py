"""`serve --debug-port`: a debugger attaches, stops at a line of the script, and lets it go on."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data + '!'\n"
LINE_OF_RETURN = 6


class Debugger:
    """A client of the Debug Adapter Protocol (https://microsoft.github.io/debug-adapter-protocol/)."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 20)
        self._socket.settimeout(20)
        self._stream = self._socket.makefile("rb")
        self._number = 0

    def send(self, command: str, **arguments: Any) -> None:
        self._number += 1
        message = {"seq": self._number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def wait_for(self, **wanted: Any) -> dict[str, Any]:
        while True:
            length = 0
            while (line := self._stream.readline().strip()) or not length:
                length = int(line.partition(b":")[2]) if line.lower().startswith(b"content-length") else length
            message: dict[str, Any] = json.loads(self._stream.read(length))
            if all(message.get(name) == value for name, value in wanted.items()):
                return message

    def attach(self) -> None:
        self.send("initialize", adapterID="test", pathFormat="path")
        self.wait_for(command="initialize", success=True)
        self.send("attach", justMyCode=False)
        self.wait_for(event="initialized")

    def go(self) -> None:
        self.send("configurationDone")
        self.wait_for(command="attach", success=True)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@pytest.fixture
def debugger(port_of_nobody: Callable[[], int]) -> Iterator[Callable[[int], Debugger]]:
    with contextlib.ExitStack() as stack:

        def connect(port: int) -> Debugger:
            made = Debugger(port)
            stack.callback(made.close)
            return made

        yield connect


def test_a_breakpoint_in_run_is_stopped_at(
    tmp_path: Path,
    start: Callable[..., Served],
    port_of_nobody: Callable[[], int],
    debugger: Callable[[int], Debugger],
    later: Callable[[Callable[[], Any]], Any],
) -> None:
    script, port = tmp_path / "score.py", port_of_nobody()
    script.write_text(SCRIPT)
    served = start(script, "--debug-port", str(port), "--debug-wait")
    served.log.wait_for(rf"a debugger can attach to 127\.0\.0\.1:{port}; waiting for it")
    client = debugger(port)
    client.attach()
    client.send("setBreakpoints", source={"path": str(script)}, breakpoints=[{"line": LINE_OF_RETURN}])
    client.wait_for(command="setBreakpoints", success=True)
    client.go()
    served.wait_ready()
    answer = later(lambda: served.say("x"))
    stopped = client.wait_for(event="stopped")["body"]
    assert stopped["reason"] == "breakpoint"
    client.send("continue", threadId=stopped["threadId"])
    assert answer.reply().body == b'"x!"'
    client.close()  # else the adapter outlives the server, and holds its output open
    served.kill()


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--debug-wait"], "needs a port to wait at"),
        (["--debug-port", "5678", "--workers", "2"], "only one worker can be debugged"),
        (["--debug-port", "5678", "--reload"], "take one of the two"),
    ],
)
def test_what_cannot_be_debugged_is_refused(
    tmp_path: Path, start: Callable[..., Served], flags: list[str], why: str
) -> None:
    (tmp_path / "score.py").write_text(SCRIPT)
    served = start(tmp_path, *flags)
    assert served.process.wait(20) == 3
    served.log.wait_for(why)
