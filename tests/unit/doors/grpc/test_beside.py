"""Connections are driven on another thread while a run() holds up the event loop, and before there is one."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest
import trustme

from scoringhost import assemble
from scoringhost.dialects.oip_grpc.pool import HEALTH, messages
from scoringhost.doors.grpc.door import GrpcDoor
from scoringhost.doors.grpc.http2.frames import DATA, END_STREAM, Code, frame, rst_stream
from scoringhost.kernel.scoring_thread import ScoringThread
from tests.unit.doors.grpc.conftest import request_of
from tests.unit.doors.grpc.raw import STREAM_INFER, RawCaller

if TYPE_CHECKING:
    from tests.unit.doors.grpc.conftest import GrpcService

Serve = Callable[..., "GrpcService"]

ONE: bytes = request_of(np.ones((1, 1), np.float32), "FP32").SerializeToString()
CHECK, WATCH = f"/{HEALTH}.Health/Check", f"/{HEALTH}.Health/Watch"
READY = "/inference.GRPCInferenceService/ServerReady"
SERVING, NOT_SERVING = b"\0\0\0\0\2\x08\x01", b"\0\0\0\0\2\x08\x02"


@contextlib.contextmanager
def held_up(service: GrpcService) -> Iterator[None]:
    """A run() on the spot that goes on, as far as the event loop of the service can tell."""
    thread, begun, go_on = ScoringThread(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(60)

    async def block() -> None:
        thread.adopt()
        thread.perform_here(work, None)

    blocking = threading.Thread(target=service.process.run, args=[block()])
    blocking.start()
    assert begun.wait(30)
    service.door.help_out(thread)
    yield
    go_on.set()
    blocking.join(60)


def test_health_and_pings_are_answered_and_calls_wait(grpc_service: Serve) -> None:
    service = grpc_service()
    with RawCaller(service.port) as old:
        assert old.answer(old.call(body=ONE)).status == 0
        with held_up(service):
            old.pong()
            waits = old.call(body=ONE)
            for caller in (old, RawCaller(service.port)):
                for path in (CHECK, READY):
                    assert caller.answer(caller.call(path, b"")).status == 0
                caller.pong()
            late = caller.call(body=ONE)
            caller.pong()
            assert not old.answers[waits].is_ended
            assert not caller.answers[late].is_ended
        assert old.answer(waits).status == 0
        assert caller.answer(late).status == 0
        caller.socket.close()


def test_what_comes_meanwhile_is_read_and_what_is_cancelled_never_run(grpc_service: Serve) -> None:
    service = grpc_service("calls = []\ndef init():\n    pass\ndef run(data):\n    calls.append(data)\n")
    large = request_of(np.ones((5_000_000, 1), np.float32), "FP32").SerializeToString()
    message = b"\0" + len(large).to_bytes(4, "big") + large
    with RawCaller(service.port) as caller:
        caller.pong()
        with held_up(service):
            cancelled, stream = caller.call(body=ONE), caller.call(STREAM_INFER, ONE, ends=False)
            caller.send(rst_stream(cancelled, Code.CANCEL), rst_stream(stream, Code.CANCEL))
            number = caller.call(ends=False)
            for at in range(0, len(message), 262_144):
                caller.send(frame(DATA, 0, number, message[at : at + 262_144]))
                caller.pong()
            caller.send(frame(DATA, END_STREAM, number))
            caller.pong()
        assert caller.answer(number).is_ended
        assert caller.answer(caller.call(CHECK, b"")).data == SERVING
    assert service.door.requests == 3  # two of them were never begun
    assert next(iter(service.process.engine.site.host)).script.module.calls == []


def test_over_tls_too(grpc_service: Serve, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "all.pem")
    service = grpc_service(tls_certificate=str(tmp_path / "all.pem"))
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    context.set_alpn_protocols(["h2"])
    with RawCaller(service.port, context) as old:
        old.pong()
        with held_up(service):
            for caller in (old, RawCaller(service.port, context)):
                assert caller.answer(caller.call(CHECK, b"")).data == SERVING
            waits = caller.call(body=ONE)
        assert caller.answer(waits).status == 0
        assert old.answer(old.call(body=ONE)).status == 0
        caller.socket.close()


def test_a_client_that_leaves_meanwhile_is_noticed(grpc_service: Serve) -> None:
    service = grpc_service()
    with held_up(service):
        for _ in range(3):
            caller = RawCaller(service.port)
            caller.pong()
            caller.socket.close()
        with RawCaller(service.port) as other:
            assert other.answer(other.call(CHECK, b"")).data == SERVING
    wait = threading.Event()
    while service.door.connections.open:
        wait.wait(0.005)


def test_before_there_is_an_event_loop_it_is_said_that_nothing_is_ready(port_of_nobody: Callable[[], int]) -> None:
    port = port_of_nobody()
    settings = assemble.settings_of("score.py", {}, {"host": "127.0.0.1", "grpc_port": port})
    door = GrpcDoor(settings, is_guarded=False)
    door.stand_by()
    door.stand_by()
    with RawCaller(port) as caller, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert caller.answer(caller.call(CHECK, b"")).data == NOT_SERVING
        assert caller.wait_for_data(caller.call(WATCH, b"")) == NOT_SERVING
        assert caller.answer(caller.call(READY, b"")).data == b"\0\0\0\0\0"
        ready = messages()["inference.ServerReadyResponse"].FromString(channel.unary_unary(READY)(b"", timeout=30))
        assert not ready.ready
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")(ONE, timeout=0.2)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    with socket.create_connection(("127.0.0.1", port)) as other:
        other.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert other.recv(9)[3:5] in (b"\x04\x00", b"\x07\x00")
    door._beside.leave()
    for listener in door.port.sockets:
        listener.close()
    for connection in list(door.connections.open):
        connection.close_at_once()
