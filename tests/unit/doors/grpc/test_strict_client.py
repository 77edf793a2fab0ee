"""With hyper's h2 for a client, which takes nothing that RFC 9113 forbids."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.events
import h2.settings
import numpy as np
import pytest

from tests.unit.doors.grpc.conftest import request_of
from tests.unit.doors.grpc.raw import INFER, STREAM_INFER

if TYPE_CHECKING:
    from tests.unit.doors.grpc.conftest import GrpcService

HEAD = [(":method", "POST"), (":scheme", "http"), (":authority", "x"), ("content-type", "application/grpc")]


class Strict:
    """A connection of such a client."""

    def __init__(self, port: int, window: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.http2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.http2.initiate_connection()
        self.http2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.data: dict[int, bytes] = {}
        self.trailers: dict[int, dict[str, str]] = {}
        self.has_gone = False

    def call(self, path: str, body: bytes) -> int:
        number: int = self.http2.get_next_available_stream_id()
        self.data[number] = b""
        self.http2.send_headers(number, [(":path", path), *HEAD])
        rest = b"\0" + len(body).to_bytes(4, "big") + body
        while rest:
            room = min(self.http2.local_flow_control_window(number), self.http2.max_outbound_frame_size)
            if not room:
                self.read()
                continue
            self.http2.send_data(number, rest[:room], end_stream=len(rest) <= room)
            rest = rest[room:]
            self.socket.sendall(self.http2.data_to_send())
        return number

    def read(self) -> None:
        self.socket.sendall(self.http2.data_to_send())
        received = self.socket.recv(65_536)
        assert received
        for event in self.http2.receive_data(received):
            if isinstance(event, h2.events.DataReceived):
                self.data[event.stream_id] += event.data
                self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.TrailersReceived | h2.events.ResponseReceived):
                self.trailers[event.stream_id] = {str(name): str(value) for name, value in event.headers}
            elif isinstance(event, h2.events.ConnectionTerminated):
                self.has_gone = True
        self.socket.sendall(self.http2.data_to_send())

    def status(self, number: int) -> str:
        while "grpc-status" not in self.trailers.get(number, {}):
            self.read()
        return self.trailers[number]["grpc-status"]


@pytest.mark.parametrize("window", [100, 65_535, 10_000_000])
@pytest.mark.parametrize("path", [INFER, STREAM_INFER])
def test_nothing_is_sent_that_the_protocol_forbids(
    grpc_service: Callable[..., GrpcService], window: int, path: str
) -> None:
    service = grpc_service()
    small = request_of(np.ones((1, 1), np.float32), "FP32").SerializeToString()
    large = request_of(np.ones((20_000 if window == 100 else 700_000, 1), np.float32), "FP32").SerializeToString()
    client = Strict(service.port, window)

    numbers = [client.call(path, small), client.call(path, large), client.call("/a.b/c", b""), client.call(path, small)]

    assert [client.status(number) for number in numbers] == ["0", "0", "12", "0"]
    assert len(client.data[numbers[1]]) > len(large) - 100
    client.http2.ping(b"12345678")
    client.http2.reset_stream(client.call(path, small))
    assert client.status(client.call(path, small)) == "0"
    client.socket.close()
