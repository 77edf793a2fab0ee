"""Calls over gRPC that a front hands on in bundles, to replicas made by hand."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from scoringhost.access.forwarded import BUNDLED, GRPC_HEADER
from scoringhost.dialects.oip_grpc.pool import INFERENCE, INFERENCE_SERVICE, messages
from scoringhost.doors import bundles
from scoringhost.settings import Settings

WITHIN_S = 30.0
INFER = f"/{INFERENCE_SERVICE}/ModelInfer"

_NUMBERS = itertools.count(1)

Read = Callable[[socket.socket], tuple[bytes, bytes]]


class Bundled:
    """The replica's side of one connection of bundles."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = bundles.FrameReader()
        self._frames: list[bundles.Frame] = []

    def frame(self) -> bundles.Frame:
        """The next one; raises OSError at the end of the connection."""
        while not self._frames:
            data = self._connection.recv(65_536)
            if not data:
                raise ConnectionError
            self._frames += self._reader.feed(data)
        return self._frames.pop(0)

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def answer(self, number: int, body: bytes, status: int = 200, lines: bytes = b"") -> None:
        self.send(bundles.answer_head(number, status, lines, len(body)) + body)


@pytest.fixture(scope="module")
def front(start_front: Callable[..., Any]) -> Any:
    return start_front(Settings(grpc_port=1))


@pytest.fixture
def channel(front: Any) -> Iterator[grpc.Channel]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{front.grpc_port}", options) as channel:
        yield channel


@pytest.fixture
def bundling(
    front: Any, fronts: Any, hand_made: Callable[..., Any], request_reader: Read,
    channel: grpc.Channel, tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., tuple[str, Any]]:  # fmt: skip
    """bundling(talk): the name of a service whose replica does so with connections of bundles, and that replica.

    Single calls it answers with the body "alone"; one has been made, so that the front knows that it takes bundles.
    """

    def bundling(talk: Callable[[Bundled], None], *, switches: bool = True) -> tuple[str, Any]:
        def serve(connection: socket.socket) -> None:
            while True:
                head, _ = request_reader(connection)
                if head.startswith(b"GET /calls") and switches:
                    connection.sendall(bundles.SWITCHED)
                    talk(Bundled(connection))
                    return
                replica.requests.append(head)
                said = f"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n{GRPC_HEADER}: {BUNDLED}\r\n\r\nalone"
                connection.sendall(said.encode())

        name = f"bundle{next(_NUMBERS)}"
        replica = hand_made(tmp_path_factory.mktemp("b") / "w.sock", serve)
        front.add(fronts.service(name, fronts.version("1", replica.path, key=name)))
        assert channel.unary_unary(INFER)(message_for(name), timeout=WITHIN_S) == b"alone"
        replica.requests.clear()
        return name, replica

    return bundling


def message_for(name: str, id: str = "", size: int = 0) -> bytes:
    raw = [bytes(size)] if size else []
    kind = messages()[f"{INFERENCE}.ModelInferRequest"]
    done: bytes = kind(model_name=name, id=id, raw_input_contents=raw).SerializeToString()
    return done


def echoing(replica: Bundled) -> None:
    """Answer each call with its own message."""
    while True:
        kind, number, payload = replica.frame()
        if kind == bundles.CALL:
            replica.answer(number, bundles.read_call(payload)[2])


def refused(call: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call.result(WITHIN_S)
    return caught.value


def begin(channel: grpc.Channel, body: bytes, timeout_s: float = WITHIN_S, **given: Any) -> Any:
    return channel.unary_unary(INFER).future(body, timeout=timeout_s, **given)


def test_a_call_has_the_same_head_as_one_that_goes_on_alone(
    bundling: Callable[..., Any], channel: grpc.Channel
) -> None:
    seen = []

    def talk(replica: Bundled) -> None:
        _, number, payload = replica.frame()
        seen.append(bundles.read_call(payload))
        replica.answer(number, b"said", lines=b"x-mine: 7\r\nserver: s\r\n")
        replica.frame()

    name, replica = bundling(talk)
    metadata = [("x-their", "b"), ("x-request-id", "r1"), ("x-scoringhost-caller", "me"), ("x-scoringhost-grpc", "2")]
    call = begin(channel, message_for(name), metadata=metadata)

    assert call.result() == b"said"
    trailing = dict(call.trailing_metadata())
    assert (trailing["x-mine"], trailing["x-request-id"]) == ("7", "r1")
    assert trailing["x-scoringhost-service"] == f"{name}:1"
    assert "server" not in trailing
    standing, own, message = seen[0]
    path, _, lines = standing.partition(b"\r\n")
    told = dict(bundles.pairs_of(lines + own))
    assert path.decode() == INFER
    assert message == message_for(name)
    assert (told["x-their"], told["x-request-id"], told["x-forwarded-for"]) == ("b", "r1", "127.0.0.1")
    assert told["x-scoringhost-grpc"] == "1"
    assert "x-scoringhost-caller" not in told
    assert 0 < int(told["x-request-timeout-ms"]) <= WITHIN_S * 1000 + 1000  # clients round up
    assert replica.requests == []


def test_many_calls_go_on_on_one_connection_and_may_be_answered_in_any_order(
    bundling: Callable[..., Any], channel: grpc.Channel
) -> None:
    def talk(replica: Bundled) -> None:
        calls = [replica.frame() for _ in range(200)]
        for _, number, payload in reversed(calls):
            replica.answer(number, bundles.read_call(payload)[2])
        replica.frame()

    name, replica = bundling(talk)
    bodies = [message_for(name, id=str(number)) for number in range(200)]
    calls = [begin(channel, body) for body in bodies]
    assert [call.result() for call in calls] == bodies
    assert len(replica.connections) == 2  # and that of the first call, which went alone
    assert replica.requests == []


def test_an_answer_that_is_an_error_keeps_its_code_and_its_words(
    bundling: Callable[..., Any], channel: grpc.Channel
) -> None:
    def talk(replica: Bundled) -> None:
        lines = b"grpc-status: RESOURCE_EXHAUSTED\r\nretry-after: 3\r\n"
        replica.answer(replica.frame()[1], "a line\nand ü".encode(), 429, lines)
        replica.frame()

    name, _ = bundling(talk)
    error = refused(begin(channel, message_for(name)))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == "a line\nand ü"
    assert dict(error.trailing_metadata())["retry-after"] == "3"


def test_an_answer_of_16_mb_comes_whole_beside_small_ones(bundling: Callable[..., Any], front: Any) -> None:
    large = bytes(range(256)) * 65_536

    def talk(replica: Bundled) -> None:
        (_, first, _), (_, second, _) = replica.frame(), replica.frame()
        replica.answer(first, large)
        replica.answer(second, b"small")
        replica.frame()

    name, _ = bundling(talk)
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{front.grpc_port}", options) as channel:
        calls = [begin(channel, message_for(name)) for _ in range(2)]
        assert sorted((call.result() for call in calls), key=len) == [b"small", large]


def test_a_large_message_goes_alone(bundling: Callable[..., Any], channel: grpc.Channel) -> None:
    name, replica = bundling(echoing)
    assert begin(channel, message_for(name, size=200_000)).result() == b"alone"
    assert len(replica.requests) == 1
    assert begin(channel, message_for(name)).result() == message_for(name)


def test_all_calls_of_a_worker_that_is_lost_are_unavailable_and_none_is_sent_again(
    bundling: Callable[..., Any], channel: grpc.Channel
) -> None:
    seen = []

    def talk(replica: Bundled) -> None:
        seen.extend([replica.frame() for _ in range(3)])
        raise ConnectionError

    name, replica = bundling(talk)

    def close_when_seen() -> None:
        while len(seen) < 3:
            threading.Event().wait(0.01)
        replica.connections[1].shutdown(socket.SHUT_RDWR)

    closing = threading.Thread(target=close_when_seen)
    closing.start()
    for error in [refused(call) for call in [begin(channel, message_for(name)) for _ in range(3)]]:
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert name in error.details()
    closing.join(WITHIN_S)
    assert len(seen) == 3
    assert replica.requests == []


def test_a_connection_that_was_closed_while_nothing_was_under_way_loses_nothing(
    bundling: Callable[..., Any], channel: grpc.Channel
) -> None:
    name, replica = bundling(echoing)
    for _ in range(3):
        assert begin(channel, message_for(name)).result() == message_for(name)
        replica.connections[-1].shutdown(socket.SHUT_RDWR)


def test_a_caller_that_leaves_is_told_to_the_worker_and_the_others_go_on(
    bundling: Callable[..., Any], channel: grpc.Channel
) -> None:
    asked, cancelled = threading.Event(), threading.Event()
    kinds = []

    def talk(replica: Bundled) -> None:
        waiting = {replica.frame()[1], replica.frame()[1]}
        asked.set()
        kind, number, _ = replica.frame()
        kinds.append(kind)
        waiting.remove(number)
        cancelled.set()
        replica.answer(number, b"too late")
        replica.answer(waiting.pop(), b"other")
        replica.frame()

    name, _ = bundling(talk)
    one, other = begin(channel, message_for(name)), begin(channel, message_for(name))
    assert asked.wait(WITHIN_S)
    one.cancel()
    assert cancelled.wait(WITHIN_S)
    assert other.result() == b"other"
    assert kinds == [bundles.CANCEL]


def test_a_caller_whose_time_is_over_is_told_so_and_the_worker_hears_of_it(
    bundling: Callable[..., Any], channel: grpc.Channel
) -> None:
    cancelled = threading.Event()

    def talk(replica: Bundled) -> None:
        number = replica.frame()[1]
        if replica.frame()[:2] == (bundles.CANCEL, number):
            cancelled.set()
        echoing(replica)

    name, _ = bundling(talk)
    assert refused(begin(channel, message_for(name), 0.3)).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert cancelled.wait(WITHIN_S)
    assert begin(channel, message_for(name)).result() == message_for(name)


def test_a_worker_that_reads_slowly_gets_all_calls(bundling: Callable[..., Any], channel: grpc.Channel) -> None:
    may_read = threading.Event()

    def talk(replica: Bundled) -> None:
        may_read.wait(WITHIN_S)
        echoing(replica)

    name, replica = bundling(talk)
    bodies = [message_for(name, id=str(number), size=60_000) for number in range(100)]
    calls = [begin(channel, body) for body in bodies]
    # Another service is answered meanwhile: nothing but this connection waits.
    other, _ = bundling(echoing)
    assert begin(channel, message_for(other)).result() == message_for(other)
    may_read.set()
    assert [call.result() for call in calls] == bodies
    assert replica.requests == []


def test_a_worker_that_ends_answers_what_it_has_and_the_front_closes(
    bundling: Callable[..., Any], channel: grpc.Channel
) -> None:
    connections: list[Bundled] = []
    closed = threading.Event()

    def talk(replica: Bundled) -> None:
        connections.append(replica)
        if len(connections) > 1:
            echoing(replica)
        _, number, _ = replica.frame()
        replica.send(bundles.frame(bundles.LEAVE))
        replica.answer(number, b"last")
        with pytest.raises(ConnectionError):
            replica.frame()
        closed.set()

    name, replica = bundling(talk)
    assert begin(channel, message_for(name)).result() == b"last"
    assert closed.wait(WITHIN_S)
    assert begin(channel, message_for(name)).result() == message_for(name)
    assert replica.requests == []


def test_a_worker_that_will_not_take_bundles_after_all_gets_single_calls(
    bundling: Callable[..., Any], channel: grpc.Channel
) -> None:
    name, _ = bundling(echoing, switches=False)
    assert [begin(channel, message_for(name)).result() for _ in range(3)] == [b"alone"] * 3


def test_frames_that_are_none_end_the_calls_of_the_connection(
    bundling: Callable[..., Any], channel: grpc.Channel
) -> None:
    def talk(replica: Bundled) -> None:
        replica.frame()
        replica.send(bundles.frame(99))
        replica.frame()

    name, _ = bundling(talk)
    error = refused(begin(channel, message_for(name)))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert name in error.details()


def test_a_call_that_the_worker_will_not_answer_is_unavailable(
    bundling: Callable[..., Any], channel: grpc.Channel
) -> None:
    def talk(replica: Bundled) -> None:
        replica.send(bundles.frame(bundles.CANCEL, replica.frame()[1]))
        echoing(replica)

    name, _ = bundling(talk)
    assert refused(begin(channel, message_for(name))).code() is grpc.StatusCode.UNAVAILABLE
    assert begin(channel, message_for(name)).result() == message_for(name)


def test_workers_are_given_up_by_a_new_table_once_their_calls_are_answered(
    bundling: Callable[..., Any], channel: grpc.Channel, front: Any, fronts: Any, hand_made: Callable[..., Any]
) -> None:
    asked, may_answer, closed = threading.Event(), threading.Event(), threading.Event()

    def talk(replica: Bundled) -> None:
        number = replica.frame()[1]
        asked.set()
        may_answer.wait(WITHIN_S)
        replica.answer(number, b"before")
        with pytest.raises(ConnectionError):
            replica.frame()
        closed.set()

    name, _ = bundling(talk)
    _, replica = bundling(echoing)
    call = begin(channel, message_for(name))
    assert asked.wait(WITHIN_S)
    front.add(fronts.service(name, fronts.version("1", replica.path, key=f"{name}b")))
    assert begin(channel, message_for(name)).result() == b"alone"
    may_answer.set()
    assert call.result() == b"before"
    assert closed.wait(WITHIN_S)
