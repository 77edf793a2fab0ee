"""A connection without a socket: frames in, frames out, and what whoever answers hears."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hpack import Decoder, Encoder

from scoringhost.doors.grpc.http2.connection import Http2Connection
from scoringhost.doors.grpc.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEAD,
    HEAD_SIZE,
    HEADERS,
    PREFACE,
    frame,
    settings,
)
from scoringhost.doors.grpc.http2.streams import Stream

FIELDS = [(":method", "POST"), (":scheme", "http"), (":path", "/s/m"), ("content-type", "application/grpc")]


@dataclass
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes


def frames_of(data: bytes) -> list[Frame]:
    """What a connection has sent, taken apart."""
    found = []
    at = 0
    while at < len(data):
        word, flags, stream = HEAD.unpack_from(data, at)
        size = word >> 8
        found.append(Frame(word & 0xFF, flags, stream, data[at + HEAD_SIZE : at + HEAD_SIZE + size]))
        at += HEAD_SIZE + size
    assert at == len(data)
    return found


class Heard:
    """What an `Answerer` hears, written down. `uses`: whether it says at once that it has used what came."""

    def __init__(self) -> None:
        self.lines: list[tuple[object, ...]] = []
        self.connection: Http2Connection | None = None
        self.streams: dict[int, Stream] = {}
        self.uses = True
        self.overdue = False

    def begin(self, stream: Stream) -> None:
        self.streams[stream.number] = stream
        self.lines.append(("begin", stream.number, stream.head.path))

    def data(self, stream: Stream, piece: bytes | memoryview) -> None:
        self.lines.append(("data", stream.number, bytes(piece)))
        if self.uses and self.connection is not None:
            self.connection.used(stream, len(piece))

    def end(self, stream: Stream) -> None:
        self.lines.append(("end", stream.number))

    def gone(self, stream: Stream) -> None:
        self.lines.append(("gone", stream.number))

    def is_overdue(self, stream: Stream) -> bool:
        return self.overdue

    def drained(self) -> None:
        self.lines.append(("drained",))


class Client:
    """The other side, which may send whatever it likes."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.connection = self.heard.connection = Http2Connection(self.heard)
        self.encoder, self.decoder = Encoder(), Decoder()
        self.greeting = self.sent()

    def greet(self, values: Iterable[tuple[int, int]] = ()) -> Client:
        self.connection.receive(PREFACE + settings(values))
        self.sent()
        return self

    def send(self, *frames: bytes) -> list[Frame]:
        """Send frames; returns what comes back."""
        self.connection.receive(b"".join(frames))
        return self.sent()

    def sent(self) -> list[Frame]:
        found: list[bytes] = []
        while pieces := self.connection.outbox.take():
            found += map(bytes, pieces)
            self.connection.outbox.go_on()
        return frames_of(b"".join(found))

    def block(self, fields: Iterable[tuple[str, str]] = FIELDS) -> bytes:
        return self.encoder.encode(fields)

    def head(self, stream: int, flags: int = END_HEADERS, fields: Iterable[tuple[str, str]] = FIELDS) -> bytes:
        return frame(HEADERS, flags, stream, self.block(fields))

    def data(self, stream: int, content: bytes, flags: int = END_STREAM) -> bytes:
        return frame(DATA, flags, stream, content)


@pytest.fixture
def client() -> Client:
    """One that has said hello."""
    return Client().greet()
