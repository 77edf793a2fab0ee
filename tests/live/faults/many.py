"""Many small requests of the Open Inference Protocol to one worker: its memory stays what it was."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from collections.abc import Generator
from itertools import cycle
from pathlib import Path

from tests.live.faults.load import statuses
from tests.live.faults.table import Drill, Row, rss_mib

SCRIPT = Path(__file__).parents[2] / "conformance" / "scripts" / "v2_numbers.py"
FLAT_MIB = 4.0
"""MiB that the worker may take more at the end than after the first tenth."""

LOOKS = 10
CONNECTIONS = 4
ON_ONE_CONNECTION = 1_000
"""Requests until a client closes its connection and opens another."""


def many(drill: Drill) -> None:
    """Tensors in JSON and as bytes, and one in four that is refused; each connection is closed at some time."""
    required = f"all is answered; after the first tenth the worker grows by less than {FLAT_MIB:.0f} MiB"
    with drill.row(f"{drill.requests:,} small requests", required) as row:
        served = row.serve(SCRIPT)
        worker = served.workers[-1]
        memory = [rss_mib(worker)]
        with contextlib.closing(_asked(row, served.port)) as asked:
            for _ in range(LOOKS):
                until = row.counts["answered"] + drill.requests // LOOKS
                while row.counts["answered"] < until:
                    next(asked)
                memory.append(rss_mib(worker))
        row.note(f"RSS when ready, and then {LOOKS} times: {', '.join(f'{one:.1f}' for one in memory)} MiB")
        row.note(statuses(row.counts))
        row.require_none_lost()
        row.require(memory[-1] - memory[1] < FLAT_MIB, f"{memory[1]:.1f} MiB have become {memory[-1]:.1f}")
        row.require(served.workers == [worker], "the worker was replaced")


def _asked(row: Row, port: int) -> Generator[None, None, None]:
    """Ask without end, on all connections at once; each step is one answer on each."""
    requests = cycle(_requests())
    while True:
        with contextlib.ExitStack() as open_ones:
            connections = [
                open_ones.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
                for _ in range(CONNECTIONS)
            ]
            for _ in range(ON_ONE_CONNECTION):
                message, status = next(requests)
                for connection in connections:
                    connection.sendall(message)
                row.counts["sent"] += CONNECTIONS
                for connection in connections:
                    _expect(row, connection, status)
                yield


def _expect(row: Row, connection: socket.socket, status: bytes) -> None:
    answer = connection.recv(65536)
    while not _is_whole(answer):
        more = connection.recv(65536)
        if not more:
            row.counts["lost"] += 1
            raise ConnectionError("the server has closed a connection in an answer")
        answer += more
    row.counts["answered"] += 1
    row.counts[f"status {answer[9:12].decode()}"] += 1
    row.require(answer[9:12] == status, f"{status.decode()} was expected: {answer[-200:]!r}")


def _is_whole(answer: bytes) -> bool:
    head, blank, body = answer.partition(b"\r\n\r\n")
    if not blank:
        return False
    length = head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
    return len(body) == int(length)


def _requests() -> list[tuple[bytes, bytes]]:
    """Requests as they are sent, with the status that each is answered with."""
    tensor = {"name": "data", "datatype": "FP32", "shape": [1, 4]}
    in_json = json.dumps({"id": "1", "inputs": [tensor | {"data": [1, 2, 3, 4]}]}).encode()
    refused = json.dumps({"inputs": [tensor | {"data": [1, 2, 3]}]}).encode()
    as_bytes = {
        "inputs": [tensor | {"parameters": {"binary_data_size": 16}}],
        "parameters": {"binary_data_output": True},
    }
    head = json.dumps(as_bytes).encode()
    binary = head + struct.pack("<4f", 1, 2, 3, 4)
    length = f"Inference-Header-Content-Length: {len(head)}\r\n"
    return [
        (_message(in_json), b"200"),
        (_message(binary, length), b"200"),
        (_message(in_json), b"200"),
        (_message(refused), b"400"),
    ]


def _message(body: bytes, header: str = "") -> bytes:
    head = f"POST /v2/models/v2_numbers/infer HTTP/1.1\r\nHost: x\r\n{header}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
