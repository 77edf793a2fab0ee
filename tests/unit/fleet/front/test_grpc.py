"""Calls over gRPC through a front, to replicas made by hand: what these get, and what becomes of what they answer."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from scoringhost.dialects.oip_grpc.pool import HEALTH, INFERENCE, INFERENCE_SERVICE, messages
from scoringhost.fleet.routing import State
from scoringhost.settings import Settings

WITHIN_S = 30.0
ANSWER = b"\x0a\x01m\x12\x011"
"""A ModelInferResponse."""

_NUMBERS = itertools.count(1)

Read = Callable[[socket.socket], tuple[bytes, bytes]]


@pytest.fixture(scope="module")
def front(start_front: Callable[..., Any]) -> Any:
    return start_front(Settings(grpc_port=1, grpc_max_message_mb=8, trusted_proxies="10.0.0.0/8"))


@pytest.fixture
def channel(front: Any) -> Iterator[grpc.Channel]:
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{front.grpc_port}", options) as channel:
        yield channel


@pytest.fixture
def made(
    front: Any, fronts: Any, hand_made: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[str, Any]]:
    """made(serve): the name of a service whose replica does so with each of its connections, and that replica."""

    def made(serve: Callable[[socket.socket], None], *before: Path) -> tuple[str, Any]:
        name = f"grpc{next(_NUMBERS)}"
        replica = hand_made(tmp_path_factory.mktemp("g") / "w.sock", serve)
        front.add(fronts.service(name, fronts.version("1", *before, replica.path, key=name)))
        return name, replica

    return made


def message_for(name: str, version: str = "", size: int = 0) -> bytes:
    kind = messages()[f"{INFERENCE}.ModelInferRequest"]
    done: bytes = kind(
        model_name=name, model_version=version, raw_input_contents=[bytes(size)] if size else []
    ).SerializeToString()
    return done


def infer(channel: grpc.Channel, body: bytes, method: str = "ModelInfer", **given: Any) -> tuple[bytes, Any]:
    """The answer, and the call."""
    answer, call = channel.unary_unary(f"/{INFERENCE_SERVICE}/{method}").with_call(body, timeout=WITHIN_S, **given)
    return answer, call


def refused(channel: grpc.Channel, body: bytes, method: str = "ModelInfer", **given: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        infer(channel, body, method, **given)
    return caught.value


def said(status: str, body: bytes, *lines: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def answering(request_reader: Read, answer: bytes, seen: list[tuple[bytes, bytes]]) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        while True:
            seen.append(request_reader(connection))
            connection.sendall(answer)

    return serve


def lines_of(head: bytes) -> dict[str, str]:
    lines = [line.partition(": ") for line in head.decode("latin-1").split("\r\n")[1:] if line]
    return {name: value for name, _, value in lines}


def test_a_message_goes_on_as_it_is_and_so_does_its_answer(
    made: Callable[..., Any], channel: grpc.Channel, request_reader: Read
) -> None:
    seen: list[tuple[bytes, bytes]] = []
    name, _ = made(answering(request_reader, said("200 OK", ANSWER, "x-mine: 7", "Date: today"), seen))
    body = message_for(name)
    metadata = [("x-their", "b"), ("x-request-id", "r1"), ("x-scoringhost-caller", "me"), ("x-scoringhost-grpc", "2")]

    answer, call = infer(channel, body, metadata=metadata)

    assert answer == ANSWER
    ((head, sent),) = seen
    assert sent == body
    assert head.startswith(f"POST /{INFERENCE_SERVICE}/ModelInfer HTTP/1.1\r\n".encode())
    told = lines_of(head)
    assert told["x-their"] == "b"
    assert told["x-request-id"] == "r1"
    assert told["x-scoringhost-grpc"] == "1"
    assert "x-scoringhost-caller" not in told
    assert told["x-forwarded-for"] == "127.0.0.1"
    assert 0 < int(told["x-request-timeout-ms"]) <= WITHIN_S * 1000
    trailing = dict(call.trailing_metadata())
    assert trailing["x-mine"] == "7"
    assert trailing["x-request-id"] == "r1"
    assert trailing["x-scoringhost-service"] == f"{name}:1"
    assert "date" not in trailing


def test_large_messages_come_whole_both_ways(
    made: Callable[..., Any], channel: grpc.Channel, request_reader: Read
) -> None:
    seen: list[tuple[bytes, bytes]] = []
    large = b"\x3a" + bytes(3_000_000)
    name, _ = made(answering(request_reader, said("200 OK", large), seen))
    body = message_for(name, size=5_000_000)

    answer, _ = infer(channel, body)

    assert answer == large
    assert seen[0][1] == body


def test_an_answer_that_is_an_error_keeps_its_code_and_its_words(
    made: Callable[..., Any], channel: grpc.Channel, request_reader: Read
) -> None:
    answer = said("429 Too Many", "a line\nand ü".encode(), "grpc-status: RESOURCE_EXHAUSTED", "retry-after: 3")
    name, _ = made(answering(request_reader, answer, []))
    error = refused(channel, message_for(name))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == "a line\nand ü"
    assert dict(error.trailing_metadata())["retry-after"] == "3"


def test_a_replica_that_knows_no_grpc_is_told_from_a_model_that_there_is_not(
    made: Callable[..., Any], channel: grpc.Channel, request_reader: Read
) -> None:
    name, _ = made(answering(request_reader, said("404 Not Found", b'{"message": "no such path"}'), []))
    assert refused(channel, message_for(name)).code() is grpc.StatusCode.UNIMPLEMENTED
    error = refused(channel, message_for(name, "7"))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "its versions are '1'" in error.details()
    assert refused(channel, message_for("nobody")).code() is grpc.StatusCode.NOT_FOUND


def test_a_lost_replica_is_unavailable_and_the_message_is_not_sent_again(
    made: Callable[..., Any], channel: grpc.Channel, request_reader: Read
) -> None:
    seen: list[tuple[bytes, bytes]] = []

    def serve(connection: socket.socket) -> None:
        seen.append(request_reader(connection))
        connection.close()

    name, _ = made(serve)
    for size in (0, 200_000):
        seen.clear()
        error = refused(channel, message_for(name, size=size))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert name in error.details()
        assert len(seen) == 1


def test_an_answer_that_breaks_off_is_unavailable(
    made: Callable[..., Any], channel: grpc.Channel, request_reader: Read
) -> None:
    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        connection.sendall(said("200 OK", bytes(100))[:-50])
        connection.close()

    name, _ = made(serve)
    assert refused(channel, message_for(name)).code() is grpc.StatusCode.UNAVAILABLE


def test_a_worker_that_cannot_be_reached_is_passed_over(
    made: Callable[..., Any], channel: grpc.Channel, request_reader: Read, tmp_path: Path
) -> None:
    name, _ = made(answering(request_reader, said("200 OK", ANSWER), []), tmp_path / "nobody.sock")
    assert [infer(channel, message_for(name))[0] for _ in range(4)] == [ANSWER] * 4


def test_a_caller_that_leaves_ends_the_replicas_connection(
    made: Callable[..., Any], channel: grpc.Channel, request_reader: Read
) -> None:
    asked, gone = threading.Event(), threading.Event()

    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        asked.set()
        connection.recv(1)
        gone.set()

    name, _ = made(serve)
    call = channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer").future(message_for(name), timeout=WITHIN_S)
    assert asked.wait(WITHIN_S)
    assert not gone.is_set()
    call.cancel()
    assert gone.wait(WITHIN_S)


def test_a_caller_whose_time_is_over_is_told_so_and_the_replica_is_let_go(
    made: Callable[..., Any], front: Any, request_reader: Read
) -> None:
    gone = threading.Event()

    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        connection.recv(1)
        gone.set()

    name, _ = made(serve)
    with grpc.insecure_channel(f"127.0.0.1:{front.grpc_port}") as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer")(message_for(name), timeout=0.3)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert gone.wait(WITHIN_S)


def test_what_has_failed_or_was_unloaded_is_said_in_the_words_of_rest(
    front: Any, fronts: Any, channel: grpc.Channel
) -> None:
    front.add(
        fronts.service("failing", fronts.version("1", state=State.FAILED, reason="init() raised")),
        fronts.service("unloaded", fronts.version("1", state=State.STOPPED, reason="unloaded by a request")),
    )
    failed, stopped = refused(channel, message_for("failing")), refused(channel, message_for("unloaded"))
    assert failed.code() is grpc.StatusCode.UNAVAILABLE
    assert failed.details() == "The service failing:1 is failed: init() raised"
    assert stopped.code() is grpc.StatusCode.NOT_FOUND
    assert "unloaded by a request" in stopped.details()


def test_what_waits_for_a_version_that_starts_waits_no_longer_than_its_caller(
    front: Any, fronts: Any, channel: grpc.Channel
) -> None:
    front.add(fronts.service("slow", fronts.version("1", state=State.LOADING)))
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer")(message_for("slow"), timeout=0.3)
    assert caught.value.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)


def test_a_message_that_cannot_be_read_or_is_too_large_never_leaves_the_front(channel: grpc.Channel) -> None:
    assert refused(channel, b"\x0a\x05abc").code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused(channel, message_for("x", size=9_000_000)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_health_is_that_of_the_front_and_of_each_service(front: Any, fronts: Any, channel: grpc.Channel) -> None:
    front.add(fronts.service("sick", fronts.version("1", state=State.FAILED)))
    front.add(fronts.service("well", fronts.version("1", "/nobody", key="well")))
    response = messages()[f"{HEALTH}.HealthCheckResponse"]
    check = channel.unary_unary(f"/{HEALTH}.Health/Check")

    def status(service: str) -> str:
        asked = messages()[f"{HEALTH}.HealthCheckRequest"](service=service).SerializeToString()
        answer = response.FromString(check(asked, timeout=WITHIN_S))
        return str(response.ServingStatus.Name(answer.status))

    assert [status(one) for one in ("", INFERENCE_SERVICE, "well", "sick")] == [
        "SERVING", "SERVING", "SERVING", "NOT_SERVING"
    ]  # fmt: skip
    with pytest.raises(grpc.RpcError) as caught:
        status("nobody")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_the_messages_of_a_stream_come_one_by_one_and_an_error_leaves_it_open(
    made: Callable[..., Any], channel: grpc.Channel, request_reader: Read
) -> None:
    may_go_on = threading.Event()

    def framed(message: bytes) -> bytes:
        data = len(message).to_bytes(5, "big") + message
        return b"%x\r\n%s\r\n" % (len(data), data)

    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + framed(b"one"))
        may_go_on.wait(WITHIN_S)
        connection.sendall(framed(b"two") + b"0\r\n\r\n")
        request_reader(connection)
        connection.close()

    name, _ = made(serve)
    asked = threading.Semaphore(0)

    def requests() -> Iterator[bytes]:
        for _ in range(2):
            assert asked.acquire(timeout=WITHIN_S)
            yield message_for(name)

    answers = channel.stream_stream(f"/{INFERENCE_SERVICE}/ModelStreamInfer")(requests(), timeout=WITHIN_S)
    asked.release()
    assert next(answers) == b"one"
    may_go_on.set()
    assert next(answers) == b"two"
    asked.release()
    last = messages()[f"{INFERENCE}.ModelStreamInferResponse"].FromString(next(answers))
    assert name in last.error_message
    assert list(answers) == []
    assert answers.code() is grpc.StatusCode.OK


def test_what_a_client_of_http_sends_to_the_replicas_own_path_does_not_say_that_the_front_hands_it_on(
    made: Callable[..., Any], front: Any, request_reader: Read, ask_port: Callable[..., Any]
) -> None:
    seen: list[tuple[bytes, bytes]] = []
    name, _ = made(answering(request_reader, said("200 OK", b""), seen))
    headers = [("X-Scoringhost-Grpc", "1"), ("Content-Type", "application/grpc")]
    ask_port(front.port, "POST", f"/services/{name}/{INFERENCE_SERVICE}/ModelInfer", headers, b"x")
    assert "x-scoringhost-grpc" not in seen[0][0].decode("latin-1").lower()


def test_guards_are_asked_and_the_name_of_the_key_goes_on(
    start_front: Callable[..., Any], fronts: Any, hand_made: Callable[..., Any], tmp_path: Path, request_reader: Read
) -> None:
    guarded = start_front(Settings(grpc_port=1, primary_key="0123456789abcdef"))  # type: ignore[arg-type]
    seen: list[tuple[bytes, bytes]] = []
    replica = hand_made(tmp_path / "w.sock", answering(request_reader, said("200 OK", ANSWER), seen))
    guarded.table(fronts.service("m", fronts.version("1", replica.path, key="m")))
    with grpc.insecure_channel(f"127.0.0.1:{guarded.grpc_port}") as channel:
        assert refused(channel, message_for("m")).code() is grpc.StatusCode.UNAUTHENTICATED
        assert seen == []
        metadata = [("authorization", "Bearer 0123456789abcdef")]
        assert infer(channel, message_for("m"), metadata=metadata)[0] == ANSWER
        assert lines_of(seen[0][0])["x-scoringhost-caller"] == "primary"
        assert infer(channel, message_for("m"), "ModelReady")[0] == ANSWER  # as open as a health probe


def test_a_call_over_tls_goes_on_with_the_name_of_its_client(
    start_front: Callable[..., Any], fronts: Any, hand_made: Callable[..., Any], tmp_path: Path, request_reader: Read
) -> None:
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "tls.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    seen: list[tuple[bytes, bytes]] = []
    replica = hand_made(tmp_path / "w.sock", answering(request_reader, said("200 OK", ANSWER), seen))
    files = {"tls_certificate": str(tmp_path / "tls.pem"), "tls_client_ca": str(tmp_path / "ca.pem")}
    secured = start_front(Settings(grpc_port=1, **files))  # type: ignore[arg-type]
    secured.table(fronts.service("m", fronts.version("1", replica.path, key="m")))
    own = authority.issue_cert("someone@example.com", common_name="someone")
    credentials = grpc.ssl_channel_credentials(
        authority.cert_pem.bytes(), own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes()
    )
    with grpc.secure_channel(f"127.0.0.1:{secured.grpc_port}", credentials) as channel:
        metadata = [("x-client-certificate-name", "another")]
        assert infer(channel, message_for("m"), metadata=metadata)[0] == ANSWER
    told = lines_of(seen[0][0])
    assert told["x-client-certificate-name"] == told["x-scoringhost-caller"] == "someone"
    assert told["x-forwarded-proto"] == "https"


def test_a_front_that_ends_answers_what_it_has_taken(
    start_front: Callable[..., Any], fronts: Any, hand_made: Callable[..., Any], tmp_path: Path, request_reader: Read
) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        asked.set()
        may_answer.wait(WITHIN_S)
        connection.sendall(said("200 OK", ANSWER))

    one = start_front(Settings(grpc_port=1))
    replica = hand_made(tmp_path / "w.sock", serve)
    one.table(fronts.service("m", fronts.version("1", replica.path, key="m")))
    with grpc.insecure_channel(f"127.0.0.1:{one.grpc_port}") as channel:
        call = channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer").future(message_for("m"), timeout=WITHIN_S)
        assert asked.wait(WITHIN_S)
        one.signal()
        may_answer.set()
        assert call.result(WITHIN_S) == ANSWER
    assert one.exit_code() == 0
