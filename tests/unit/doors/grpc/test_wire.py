"""gRPC over HTTP/2, byte by byte: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import trustme

from scoringhost.doors.grpc.http2.frames import (
    DATA,
    END_STREAM,
    INITIAL_WINDOW_SIZE,
    PREFACE,
    Code,
    frame,
    rst_stream,
    settings,
    window_update,
)
from tests.unit.doors.grpc.conftest import request_of
from tests.unit.doors.grpc.raw import INFER, STREAM_INFER, RawCaller, zipped

if TYPE_CHECKING:
    from tests.unit.doors.grpc.conftest import GrpcService

Serve = Callable[..., "GrpcService"]

ONE: bytes = request_of(np.ones((1, 1), np.float32), "FP32").SerializeToString()
WATCH, CHECK = "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/Check"
REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
INVALID, DEADLINE, EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 3, 4, 8, 12, 13, 14


def test_an_answer_says_what_the_protocol_asks_for(grpc_service: Serve) -> None:
    with RawCaller(grpc_service().port) as caller:
        answer = caller.answer(caller.call(body=ONE))

    assert answer.fields[":status"] == "200"
    assert answer.fields["content-type"] == "application/grpc"
    assert answer.fields["grpc-accept-encoding"] == "identity,deflate,gzip"
    assert (answer.status, answer.data[0], int.from_bytes(answer.data[1:5], "big")) == (0, 0, len(answer.data) - 5)


@pytest.mark.parametrize(
    ("how", "http", "code"),
    [
        ({"kind": "application/json"}, "415", 2),
        ({"kind": "application/grpcx"}, "415", 2),
        ({"kind": "application/grpc+proto"}, "200", 0),
        ({"method": "GET"}, "405", UNIMPLEMENTED),
        ({"path": "/inference.GRPCInferenceService/Nope"}, "200", UNIMPLEMENTED),
        ({"more": [("grpc-encoding", "snappy")]}, "200", UNIMPLEMENTED),
        ({"more": [("grpc-timeout", "soon")]}, "200", INVALID),
        ({"more": [("grpc-timeout", "0n")]}, "200", DEADLINE),
        ({"more": [("x-a", "b" * 70_000)]}, "200", EXHAUSTED),
        ({"body": None}, "200", INVALID),
        ({"flags": 1}, "200", INTERNAL),
        ({"flags": 2}, "200", INTERNAL),
        ({"flags": 1, "more": [("grpc-encoding", "gzip")]}, "200", INVALID),
        ({"flags": 1, "body": zipped(ONE), "more": [("grpc-encoding", "gzip")]}, "200", 0),
        ({"body": b"\xff\xff\xff"}, "200", INVALID),
        ({"path": CHECK, "body": b"\xff\xff\xff"}, "200", INVALID),
        ({"path": WATCH, "body": b"\xff\xff\xff"}, "200", INVALID),
        ({"path": REFLECT, "body": b"\xff\xff\xff"}, "200", INVALID),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_wrong_with_a_call_is_said_and_the_next_one_is_answered(
    grpc_service: Serve, how: dict[str, object], http: str, code: int
) -> None:
    how = {"body": ONE, **how}
    with RawCaller(grpc_service().port) as caller:
        answer = caller.answer(caller.call(**how))  # type: ignore[arg-type]
        assert (answer.fields[":status"], answer.status) == (http, code), answer.message
        assert caller.answer(caller.call(body=ONE)).status == 0


def test_a_second_message_where_one_is_taken_is_refused(grpc_service: Serve) -> None:
    message = b"\0" + len(ONE).to_bytes(4, "big") + ONE
    with RawCaller(grpc_service().port) as caller:
        for content in (message + message, message + b"\0\0"):
            number = caller.call(ends=False)
            caller.send(frame(DATA, END_STREAM, number, content))
            assert caller.answer(number).status == INTERNAL
        number = caller.call(ends=False)
        caller.send(frame(DATA, END_STREAM, number, message[:-1]))
        assert caller.answer(number).status == INVALID


def test_a_message_comes_in_any_pieces(grpc_service: Serve) -> None:
    message = b"\0" + len(ONE).to_bytes(4, "big") + ONE
    with RawCaller(grpc_service().port) as caller:
        number = caller.call(ends=False)
        for byte in message:
            caller.send(frame(DATA, 0, number, bytes([byte])))
        caller.send(frame(DATA, END_STREAM, number))
        assert caller.answer(number).status == 0


def test_a_message_that_is_too_large_is_refused_before_it_is_read(grpc_service: Serve) -> None:
    with RawCaller(grpc_service(grpc_max_message_mb=1).port) as caller:
        number = caller.call(ends=False)
        caller.send(frame(DATA, 0, number, b"\0" + (2**20 + 1).to_bytes(4, "big")))
        answer = caller.answer(number)

    assert (answer.status, answer.message) == (EXHAUSTED, "a message has 1048577 bytes, and may have 1048576")


def test_a_message_that_unpacks_to_too_much_is_refused(grpc_service: Serve) -> None:
    with RawCaller(grpc_service(grpc_max_message_mb=1).port) as caller:
        for size in (2_000_000, 30_000_000):  # unpacked at once, and beside the event loop
            number = caller.call(body=zipped(bytes(size)), flags=1, more=[("grpc-encoding", "gzip")])
            assert caller.answer(number).status == EXHAUSTED


def test_messages_that_have_no_room_together_are_refused(grpc_service: Serve) -> None:
    prefix = b"\0" + (800_000).to_bytes(4, "big")
    with RawCaller(grpc_service(max_bodies_mb=1).port) as caller:
        first = caller.call(ends=False)
        caller.send(frame(DATA, 0, first, prefix + bytes(10)))
        second = caller.call(ends=False)
        caller.send(frame(DATA, 0, second, prefix + bytes(10)))
        assert caller.answer(second).status == EXHAUSTED

        caller.send(rst_stream(first, Code.CANCEL))
        third = caller.call(ends=False)
        caller.send(frame(DATA, 0, third, prefix + bytes(10)))
        caller.pong()
        assert not caller.answers[third].is_ended


def test_text_that_is_not_ascii_is_percent_encoded_and_bytes_are_read_without_padding(grpc_service: Serve) -> None:
    script = (
        "def init():\n    pass\n\n\ndef run(data, request_headers):\n"
        "    raise ValueError(request_headers['X-Any-Bin'] + ' 100 % \u00e9\\n')\n"
    )
    said = '{"inputs": 1}'
    request = request_of(np.ones((1, 1), np.float32), "FP32")
    request.ClearField("inputs")
    request.ClearField("raw_input_contents")
    tensor = request.inputs.add(name="data", datatype="BYTES", shape=[1])
    tensor.contents.bytes_contents.append(said.encode())
    with RawCaller(grpc_service(script).port) as caller:
        number = caller.call(body=request.SerializeToString(), more=[("x-any-bin", "AAE")])
        answer = caller.answer(number)

    assert answer.status == INTERNAL
    assert "AAE= 100 % \u00e9" in answer.message
    assert answer.fields["grpc-message"].isascii()


def test_a_call_that_is_reset_is_forgotten_and_others_go_on(grpc_service: Serve) -> None:
    service = grpc_service()
    with RawCaller(service.port) as caller:
        for _ in range(50):
            number = caller.call(body=ONE, ends=False)
            caller.send(rst_stream(number, Code.CANCEL))
        assert caller.answer(caller.call(body=ONE)).status == 0
    assert service.door.requests == 1


def test_an_answer_waits_for_room_and_the_stream_for_its_reader(grpc_service: Serve) -> None:
    body = request_of(np.ones((50_000, 1), np.float32), "FP32").SerializeToString()
    with RawCaller(grpc_service().port) as caller:
        caller.send(settings([(INITIAL_WINDOW_SIZE, 1000)]))
        numbers = [caller.call(body=body[:0] or body), caller.call(STREAM_INFER, body)]
        for number in numbers:
            caller.wait_for_data(number)
        caller.pong()
        assert [len(caller.answers[number].data) for number in numbers] == [1000, 1000]

        caller.send(window_update(0, 2**20), *[window_update(number, 2**20) for number in numbers])
        assert [caller.answer(number).status for number in numbers] == [0, 0]


def test_a_caller_on_a_stream_has_only_room_for_so_much_that_is_not_read(grpc_service: Serve) -> None:
    script = "import threading\ngo_on = threading.Event()\ndef init():\n    pass\ndef run(data):\n    go_on.wait(30)\n"
    service = grpc_service(script)
    message = b"\0" + len(ONE).to_bytes(4, "big") + ONE
    many = message * (400_000 // len(message))
    with RawCaller(service.port) as caller:
        number = caller.call(STREAM_INFER, ONE, ends=False)
        for _ in range(2):
            caller.send(frame(DATA, 0, number, many))
        caller.pong()
        stream = next(iter(next(iter(service.door.connections.open)).http2.streams.values()))
        assert stream.may_come < 300_000
        next(iter(service.process.engine.site.host)).script.module.go_on.set()


@pytest.mark.parametrize("path", [STREAM_INFER, WATCH, REFLECT])
def test_the_deadline_of_a_stream_ends_it(grpc_service: Serve, path: str) -> None:
    with RawCaller(grpc_service().port) as caller:
        body = b"" if path == WATCH else None
        number = caller.call(path, body, ends=path == WATCH, more=[("grpc-timeout", "200m")])
        if path == REFLECT:
            assert not caller.answers[number].is_ended  # nothing waits for anything there
            return
        assert caller.answer(number).status == DEADLINE


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", PREFACE[:-1] + b"x", b"\x16\x03\x01\x00\x05hello"]
)
def test_what_speaks_another_protocol_is_closed(grpc_service: Serve, said: bytes) -> None:
    with RawCaller(grpc_service().port, greets=False) as caller:
        caller.send(said)
        assert caller.read_to_end() == [Code.PROTOCOL_ERROR]


def test_a_connection_that_breaks_the_protocol_ends_and_others_go_on(grpc_service: Serve) -> None:
    service = grpc_service()
    with RawCaller(service.port) as good, RawCaller(service.port) as bad:
        bad.send(frame(DATA, 0, 0, b"x"))
        assert bad.read_to_end() == [Code.PROTOCOL_ERROR]
        assert good.answer(good.call(body=ONE)).status == 0


def test_a_client_that_reads_nothing_is_read_no_further_and_cut_off_in_the_end(grpc_service: Serve) -> None:
    service = grpc_service()
    body = request_of(np.ones((100_000, 1), np.float32), "FP32").SerializeToString()

    def ask_on(caller: RawCaller) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller.call(body=body)

    async def look(later_s: float) -> None:
        service.door.connections.look(time.monotonic() + later_s)

    with RawCaller(service.port) as caller:
        caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        caller.send(window_update(0, 2**30), settings([(INITIAL_WINDOW_SIZE, 2**30)]))
        caller.pong()
        (connection,) = service.door.connections.open
        asking = threading.Thread(target=ask_on, args=[caller])
        asking.start()
        wait = threading.Event()
        while not connection.is_choked:
            wait.wait(0.005)
        assert connection._transport is not None
        assert not connection._transport.is_reading()
        assert connection.unsent < 50_000_000  # the answers to what had been read by then, of 400 KB each
        service.process.run(look(0))
        service.process.run(look(100))
        asking.join(30)
    assert not service.door.connections.open


def test_a_message_that_comes_too_slowly_ends_its_call(grpc_service: Serve) -> None:
    service = grpc_service()

    async def look(later_s: float) -> None:
        service.door.connections.look(time.monotonic() + later_s)

    with RawCaller(service.port) as caller:
        number, other = caller.call(ends=False), caller.call(ends=False)
        caller.send(frame(DATA, 0, number, b"\0\0\0\1\0abc"))
        caller.pong()
        service.process.run(look(0))
        service.process.run(look(20))
        assert caller.answer(number).status == DEADLINE
        caller.pong()
        assert not caller.answers[other].is_ended  # no message of it has begun


def test_a_client_that_says_nothing_is_cut_off_and_one_that_may_have_gone_is_asked(grpc_service: Serve) -> None:
    service = grpc_service()

    async def look(later_s: float) -> None:
        service.door.connections.look(time.monotonic() + later_s)

    with RawCaller(service.port, greets=False) as silent, RawCaller(service.port) as quiet:
        quiet.pong()
        service.process.run(look(30))
        assert silent.read_to_end() == [Code.ENHANCE_YOUR_CALM]
        service.process.run(look(70))
        quiet.pong()  # it answers the ping meanwhile
        quiet.pong()  # and the answer is there
        (connection,) = service.door.connections.open
        assert connection.http2.is_alive
        connection.http2.is_alive = False
        service.process.run(look(200))
        quiet.read_to_end()


def test_before_tls_says_so_nothing_is_answered(grpc_service: Serve, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "all.pem")
    service = grpc_service(tls_certificate=str(tmp_path / "all.pem"))
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    with RawCaller(service.port, context, greets=False) as caller:  # which does not ask for h2
        assert caller.read_to_end() == []

    context.set_alpn_protocols(["h2"])
    large = request_of(np.ones((500_000, 1), np.float32), "FP32").SerializeToString()
    with RawCaller(service.port, context) as caller:
        caller.send(window_update(0, 2**22), settings([(INITIAL_WINDOW_SIZE, 2**22)]))
        assert caller.answer(caller.call(body=ONE)).status == 0
        number = caller.call(ends=False)
        message = b"\0" + len(large).to_bytes(4, "big") + large
        for at in range(0, len(message), 16_384):
            caller.send(frame(DATA, 0, number, message[at : at + 16_384]))
            if at % 524_288 == 0:
                caller.pong()
        caller.send(frame(DATA, END_STREAM, number))
        assert len(caller.answer(number).data) > 2_000_000


def test_calls_on_one_connection_may_end_in_any_order(grpc_service: Serve) -> None:
    service = grpc_service()
    with RawCaller(service.port) as caller:
        waits = caller.call(STREAM_INFER, ends=False)
        numbers = [caller.call(INFER, ONE) for _ in range(100)]
        assert {caller.answer(number).status for number in numbers} == {0}
        caller.send(frame(DATA, END_STREAM, waits))
        assert caller.answer(waits).status == 0


def test_what_comes_before_the_guards_have_been_asked_makes_room_again(grpc_service: Serve) -> None:
    service = grpc_service(primary_key="0123456789abcdef")
    body = request_of(np.ones((50_000, 1), np.float32), "FP32").SerializeToString()
    key = [("x-api-key", "0123456789abcdef")]
    with RawCaller(service.port) as caller:
        caller.send(window_update(0, 2**30), settings([(INITIAL_WINDOW_SIZE, 2**20)]))
        for number in range(120):  # 24 MB, of which a connection has room for 16
            answer = caller.answer(caller.call(body=body, more=key if number % 3 else []))
            assert answer.status == (0 if number % 3 else 16)


def test_keys_are_asked_for_before_the_message_is_here(grpc_service: Serve) -> None:
    service = grpc_service(primary_key="0123456789abcdef")
    with RawCaller(service.port) as caller:
        assert caller.answer(caller.call(ends=False)).status == 16
        assert caller.answer(caller.call(STREAM_INFER, ends=False)).status == 16
        assert caller.answer(caller.call(CHECK, b"")).status == 0
