"""RawCaller: a client on a socket that may break every rule of HTTP/2 and gRPC."""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from hpack import Decoder, Encoder

from scoringhost.doors.grpc.http2.frames import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEAD,
    HEAD_SIZE,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    frame,
    settings,
)

INFER, STREAM_INFER = "/inference.GRPCInferenceService/ModelInfer", "/inference.GRPCInferenceService/ModelStreamInfer"


@dataclass
class RawAnswer:
    """What has come on one stream."""

    fields: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    is_ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.fields["grpc-status"])

    @property
    def message(self) -> str:
        return unquote(self.fields.get("grpc-message", ""))


class RawCaller:
    """One connection."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None, *, greets: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.encoder, self.decoder = Encoder(), Decoder()
        self.answers: dict[int, RawAnswer] = {}
        self.goaways: list[int] = []
        self.pongs: list[bytes] = []
        self._rest = b""
        self._number = -1
        if greets:
            self.send(PREFACE, settings([]))

    def __enter__(self) -> RawCaller:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *frames: bytes) -> None:
        self.socket.sendall(b"".join(frames))

    def call(
        self, path: str = INFER, body: bytes | None = None, flags: int = 0, *, ends: bool = True,
        method: str = "POST", kind: str = "application/grpc", more: Sequence[tuple[str, str]] = (),
    ) -> int:  # fmt: skip
        """Begin a call, with one message if there is a body; returns the stream's number."""
        self._number += 2
        number = self._number
        fields = [(":method", method), (":scheme", "http"), (":path", path), ("content-type", kind), ("te", "trailers")]
        head = self.encoder.encode([*fields, *more])
        self.answers[number] = RawAnswer()
        is_all = ends and body is None
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if is_all else 0), number, head))
        if body is not None:
            message = bytes([flags]) + len(body).to_bytes(4, "big") + body
            self.send(frame(DATA, END_STREAM if ends else 0, number, message))
        return number

    def answer(self, number: int) -> RawAnswer:
        """What a call is answered with, once it has ended."""
        answer = self.answers[number]
        while not answer.is_ended and answer.reset is None and self._read():
            pass
        return answer

    def wait_for_data(self, number: int) -> bytes:
        """The data of a call, once there is some."""
        while not self.answers[number].data and self._read():
            pass
        return self.answers[number].data

    def pong(self) -> None:
        """Wait until a ping has come back, and so everything before it."""
        before = len(self.pongs)
        self.send(frame(PING, 0, 0, b"12345678"))
        while len(self.pongs) == before:
            assert self._read()

    def read_to_end(self) -> list[int]:
        """Read until the server closes the connection; returns why, by its GOAWAYs."""
        while self._read():
            pass
        return self.goaways

    def _read(self) -> bool:
        try:
            data = self.socket.recv(65_536)
        except OSError:
            data = b""
        self._rest += data
        while len(self._rest) >= HEAD_SIZE:
            word, flags, stream = HEAD.unpack_from(self._rest)
            size = word >> 8
            if len(self._rest) < HEAD_SIZE + size:
                break
            payload, self._rest = self._rest[HEAD_SIZE : HEAD_SIZE + size], self._rest[HEAD_SIZE + size :]
            self._take(word & 0xFF, flags, stream, payload)
        return bool(data)

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == GOAWAY:
            self.goaways.append(int.from_bytes(payload[4:8], "big"))
        elif kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK, 0))
        elif kind == PING and flags & ACK:
            self.pongs.append(payload)
        elif kind == PING:
            self.send(frame(PING, ACK, 0, payload))
        elif stream in self.answers:
            self._take_of_call(self.answers[stream], kind, flags, payload)

    def _take_of_call(self, answer: RawAnswer, kind: int, flags: int, payload: bytes) -> None:
        if kind == HEADERS:
            answer.fields.update((str(name), str(value)) for name, value in self.decoder.decode(payload))
        elif kind == DATA:
            answer.data += payload
        elif kind == RST_STREAM:
            answer.reset = int.from_bytes(payload, "big")
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            answer.is_ended = True


def zipped(body: bytes) -> bytes:
    """A body packed as gzip."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(body) + packer.flush()
