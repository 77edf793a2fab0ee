"""The life of a front: tables, starts that are waited for, guards, what it tells, and its end."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scoringhost.fleet.front.memory import make_shared
from scoringhost.fleet.routing import ServiceRoute, State
from scoringhost.fleet.specs import Traffic
from scoringhost.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Reply

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Given = Callable[..., Any]
Read = Callable[[socket.socket], tuple[bytes, bytes]]


@pytest.fixture
def ask(ask_port: Callable[..., Reply]) -> Callable[..., Reply]:
    return ask_port


@pytest.fixture
def replica(hand_made: Callable[..., Any], request_reader: Read, tmp_path: Path) -> Any:
    """A replica that answers `ok`, and notes what it was asked."""

    def serve(connection: socket.socket) -> None:
        while True:
            head, body = request_reader(connection)
            made.requests.append(head + b"\r\n\r\n" + body)
            connection.sendall(OK)

    made = hand_made(tmp_path / "w.sock", serve)
    return made


@pytest.fixture
def alone(start_front: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """alone(settings=None, **rest): a front that ends with the test."""
    started = []

    def alone(*arguments: Any, **rest: Any) -> Any:
        started.append(start_front(*arguments, **rest))
        return started[-1]

    yield alone
    for one in started:
        one.process.kill()


# -- versions that are not there ----------------------------------------------------------------------


def test_a_request_for_an_idle_version_has_it_started_and_waits(
    front: Any, fronts: Any, replica: Any, ask: Callable[..., Reply]
) -> None:
    front.add(fronts.service("idle", fronts.version("3", state=State.STOPPED, wakes=True)))
    replies: list[Reply] = []
    asking = threading.Thread(
        target=lambda: replies.append(
            ask(front.port, "POST", "/services/idle/score", [("x-request-timeout-ms", "60000")], b"abc")
        )
    )
    asking.start()
    wanted = front.wait_told(lambda one: one["event"] == "want", "that it is wanted")
    assert (wanted["name"], wanted["version"]) == ("idle", "3")
    time.sleep(0.005)  # some of the caller's time, which is told in whole milliseconds
    front.add(fronts.service("idle", fronts.version("3", key="idle", state=State.LOADING)))
    front.add(fronts.service("idle", fronts.version("3", replica.path, key="idle")))
    asking.join(20)
    assert [reply.status for reply in replies] == [200]
    assert replies[0].header("x-scoringhost-service") == "idle:3"
    assert replica.requests[0].endswith(b"\r\n\r\nabc")
    left = re.search(rb"x-request-timeout-ms: (\d+)\r\n", replica.requests[0])
    assert left is not None
    assert int(left[1]) < 60_000, "what was spent waiting is not there any more"


def test_a_request_waits_no_longer_than_its_caller(front: Any, fronts: Any, ask: Callable[..., Reply]) -> None:
    front.add(fronts.service("slow", fronts.version("1", key="slow", state=State.LOADING)))
    began_s = time.monotonic()
    reply = ask(front.port, "POST", "/services/slow/score", [("x-request-timeout-ms", "300")], b"abc")
    assert reply.status == 503
    assert reply.header("Retry-After") == "1"
    assert "did not get ready" in reply.message
    assert time.monotonic() - began_s < 8
    assert ask(front.port, "POST", "/v2/models/slow/infer", [("x-request-timeout-ms", "x")], b"").status == 400


def test_a_version_that_has_failed_says_so_in_each_dialect(front: Any, fronts: Any, ask: Callable[..., Reply]) -> None:
    reason = "Traceback:\n  File score.py\nValueError: no model"
    front.add(fronts.service("ill", fronts.version("1", state=State.FAILED, reason=reason)))
    reply = ask(front.port, "POST", "/services/ill/score", body=b"x")
    assert (reply.status, reply.message) == (503, "The service ill:1 is failed: ValueError: no model")
    reply = ask(front.port, "GET", "/v2/models/ill/ready")
    assert (reply.status, reply.json()) == (503, {"error": "The service ill:1 is failed: ValueError: no model"})


def test_a_service_whose_versions_are_all_unloaded_is_a_404_over_v2_and_a_503_elsewhere(
    front: Any, fronts: Any, ask: Callable[..., Reply]
) -> None:
    versions = [fronts.version(number, state=State.STOPPED, reason="unloaded by a request") for number in "12"]
    traffic = Traffic({"1": 90.0, "2": 10.0})
    front.add(ServiceRoute("gone", {one.version: one for one in versions}, "2", traffic))
    reply = ask(front.port, "POST", "/v2/models/gone/infer", body=b"{}")
    assert (reply.status, reply.json()) == (404, {"error": "The service gone is not loaded: unloaded by a request"})
    assert ask(front.port, "POST", "/services/gone/score", body=b"{}").status == 503


def test_an_unknown_version_and_an_unknown_service_are_404s_that_say_what_there_is(
    front: Any, fronts: Any, ask: Callable[..., Reply]
) -> None:
    front.add(fronts.service("known", fronts.version("1"), fronts.version("2")))
    reply = ask(front.port, "GET", "/services/known/versions/9/score")
    assert (reply.status, "its versions are '1', '2'" in reply.message) == (404, True)
    front.add(fronts.service("plain", fronts.version("")))
    reply = ask(front.port, "GET", "/services/plain/versions/9/score")
    assert (reply.status, "it has no versions" in reply.message) == (404, True)
    reply = ask(front.port, "GET", "/services/knwon/score")
    assert (reply.status, "'known'" in reply.message) == (404, True)
    assert list(ask(front.port, "GET", "/v2/models/knwon").json()) == ["error"]


def test_requests_go_to_the_worker_with_the_fewest(
    front: Any, fronts: Any, hand_made: Callable[..., Any], request_reader: Read, tmp_path: Path
) -> None:
    may_answer = threading.Event()

    def serve(connection: socket.socket) -> None:
        while True:
            request_reader(connection)
            assert may_answer.wait(20)
            connection.sendall(OK)

    workers = [hand_made(tmp_path / f"w{number}.sock", serve) for number in range(3)]
    front.add(fronts.service("three", fronts.version("1", *[one.path for one in workers], key="three")))
    clients = [http.client.HTTPConnection("127.0.0.1", front.port, timeout=20) for _ in range(6)]
    for client in clients:
        client.request("GET", "/services/three/score")
    front.wait_told(lambda one: one["event"] == "load" and one["sets"].get("three", {}).get("calls") == 6, "its load")
    may_answer.set()
    assert [client.getresponse().status for client in clients] == [200] * 6
    assert [len(one.connections) for one in workers] == [2, 2, 2]
    for client in clients:
        client.close()
    front.wait_told(lambda one: one["event"] == "load" and one["sets"].get("three", {}).get("calls") == 0, "the end")


# -- change -------------------------------------------------------------------------------------------


def test_after_a_table_is_in_use_nothing_reaches_the_workers_of_the_one_before(
    front: Any, fronts: Any, hand_made: Callable[..., Any], request_reader: Read, tmp_path: Path
) -> None:
    def serving(answer: bytes) -> Callable[[socket.socket], None]:
        def serve(connection: socket.socket) -> None:
            while True:
                request_reader(connection)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + answer)

        return serve

    old, new = hand_made(tmp_path / "1.sock", serving(b"old")), hand_made(tmp_path / "2.sock", serving(b"new"))
    front.add(fronts.service("turn", fronts.version("1", old.path, key="o")))
    client = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
    for path, answer in ((old.path, b"old"), (new.path, b"new")):
        front.add(fronts.service("turn", fronts.version("1", path, key=answer.decode())))
        for _ in range(3):
            client.request("GET", "/services/turn/score")
            assert client.getresponse().read() == answer
    client.close()
    old.connections[0].settimeout(20)
    assert old.connections[0].recv(1) == b"", "what was kept open to the old one is closed"


# -- guards ---------------------------------------------------------------------------------------------


def test_a_key_is_asked_for_before_the_body_is_read(
    alone: Callable[..., Any], fronts: Any, replica: Any, ask: Callable[..., Reply]
) -> None:
    front = alone(Settings(primary_key="0123456789abcdef", rate_limit="1000/s"))  # type: ignore[arg-type]
    front.table(fronts.service("safe", fronts.version("", replica.path)))
    with socket.create_connection(("127.0.0.1", front.port), 20) as client:
        client.sendall(b"POST /services/safe/score HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 401 ")
    assert replica.requests == []
    key = [("Authorization", "Bearer 0123456789abcdef")]
    assert ask(front.port, "POST", "/services/safe/score", key, b"x").status == 200
    assert b"\r\nx-scoringhost-caller: primary\r\n" in replica.requests[0]
    for path in (
        "/services/safe/",
        "/services/safe/readyz",
        "/v2/models/safe/ready",
        "/livez",
        "/readyz",
        "/v2/health/live",
    ):
        assert ask(front.port, "GET", path).status == 200, path
    for path in ("/services/safe/score", "/v2/models/safe", "/", "/services", "/services/safe/versions//score"):
        assert ask(front.port, "GET", path).status == 401, path


def test_fronts_share_what_a_caller_may_send(
    alone: Callable[..., Any], fronts: Any, replica: Any, ask: Callable[..., Reply]
) -> None:
    memory = make_shared()
    two = [alone(Settings(rate_limit="4/h"), memory=memory, number=number) for number in range(2)]
    for one in two:
        one.table(fronts.service("few", fronts.version("", replica.path)))
    statuses = [ask(two[at % 2].port, "GET", "/services/few/score").status for at in range(6)]
    assert statuses == [200, 200, 200, 200, 429, 429]


# -- pages ------------------------------------------------------------------------------------------------


def test_the_services_are_listed_for_a_person_and_for_a_program(
    alone: Callable[..., Any], fronts: Any, ask: Callable[..., Reply]
) -> None:
    front = alone()
    front.table(
        fronts.service(
            "a<b", fronts.version("10", state=State.FAILED, reason="<why>"), fronts.version("9"), default="9"
        )
    )
    page = ask(front.port, "GET", "/", [("Accept", "text/html,*/*")])
    assert page.header("Content-Type") == "text/html; charset=utf-8"
    assert b"a&lt;b" in page.body
    assert b"&lt;why&gt;" in page.body
    (listed,) = ask(front.port, "GET", "/").json()["services"]
    assert [one["version"] for one in listed["versions"]] == ["9", "10"]
    assert (listed["default"], listed["versions"][1]["reason"]) == ("9", "<why>")
    assert listed["urls"]["score"] == "/services/a%3Cb/score"
    assert ask(front.port, "GET", "/services/a%3Cb").json() == listed
    one = ask(front.port, "GET", "/services/a%3Cb/versions/10").json()
    assert (one["state"], one["reason"], one["urls"]["docs"]) == ("failed", "<why>", "/services/a%3Cb/versions/10/docs")
    missing = ask(front.port, "GET", "/services/a%3Cb/versions/11")
    assert (missing.status, "its versions are '9', '10'" in missing.message) == (404, True)


def test_readiness_is_of_the_whole(alone: Callable[..., Any], fronts: Any, ask: Callable[..., Reply]) -> None:
    front = alone()
    front.table(fronts.service("a", fronts.version("1", state=State.LOADING)), settled=False)
    assert [ask(front.port, "GET", path).status for path in ("/livez", "/startupz", "/readyz")] == [200, 503, 503]
    assert ask(front.port, "GET", "/v2/health/ready").json()["ready"] is False
    front.table(fronts.service("a", fronts.version("1", state=State.FAILED)))
    assert [ask(front.port, "GET", path).status for path in ("/livez", "/startupz", "/readyz")] == [200, 200, 503]
    front.table(fronts.service("a", fronts.version("1", state=State.STOPPED)))
    assert ask(front.port, "GET", "/readyz").status == 200
    front.table()
    assert ask(front.port, "GET", "/v2/health/ready").json() == {"ready": True}


def test_the_metrics_of_all_are_merged(
    alone: Callable[..., Any], fronts: Any, hand_made: Callable[..., Any], tmp_path: Path, ask: Callable[..., Reply]
) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        text = b'# HELP a_total As.\n# TYPE a_total counter\na_total{version="x"} 3\n'
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(text), text))
        connection.close()

    one, two = hand_made(tmp_path / "1.sock", serve), hand_made(tmp_path / "2.sock", serve)
    front = alone(Settings(metrics=True))
    front.table(
        fronts.service("one", fronts.version("1", one.path, key="1")),
        fronts.service("two", fronts.version("", two.path, key="2"), fronts.version("3", state=State.FAILED)),
    )
    assert ask(front.port, "GET", "/services/none/score").status == 404
    text = ask(front.port, "GET", "/metrics").body.decode()
    assert 'a_total{exported_version="x",service="one",version="1"} 3.0' in text
    assert 'a_total{exported_version="x",service="two",version=""} 3.0' in text
    assert text.count("# TYPE a_total") + text.count("# TYPE a counter") == 1
    assert 'scoringhost_front_errors_total{reason="UnknownService"} 1.0' in text
    assert 'scoringhost_version_state{service="two",state="failed",version="3"} 1.0' in text
    assert "none" not in text


# -- its end ------------------------------------------------------------------------------------------------


def test_with_traces_the_front_has_a_span_between_the_callers_and_the_replicas(
    alone: Callable[..., Any], fronts: Any, replica: Any, ask: Callable[..., Reply]
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    variables = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    front = alone(Settings(traces=True, open_telemetry=variables))
    front.add(fronts.service("traced", fronts.version("1", replica.path)))
    trace, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = [("traceparent", f"00-{trace}-{caller}-01"), ("x-request-id", "from-the-caller")]
    assert ask(front.port, "POST", "/services/traced/score", headers, b"abc").status == 200
    carried = re.search(rb"traceparent: 00-(\w+)-(\w+)-01", replica.requests[0])
    assert carried is not None
    assert carried[1].decode() == trace
    front.process.terminate()
    front.process.wait(20)
    for thread in front._threads:  # they end with what they read
        thread.join(20)
    log = "".join(front.log)
    assert "from-the-caller" in log
    assert f"0x{carried[2].decode()}" in log, "what the replica is told is the front's span"
    assert f"0x{caller}" in log, "whose parent is the caller's"
    assert '"http.request.body.size": 3' in log


@pytest.mark.parametrize("how", ["SIGTERM", "drain", "the supervisor goes"])
def test_it_ends_with_its_requests_answered(
    alone: Callable[..., Any],
    fronts: Any,
    hand_made: Callable[..., Any],
    request_reader: Read,
    tmp_path: Path,
    how: str,
) -> None:
    may_answer = threading.Event()

    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        assert may_answer.wait(20)
        connection.sendall(OK)

    replica = hand_made(tmp_path / "w.sock", serve)
    front = alone()
    front.table(fronts.service("last", fronts.version("1", replica.path, key="last")))
    client = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
    client.request("GET", "/services/last/score")
    front.wait_told(lambda one: one["event"] == "load" and one["sets"]["last"]["calls"] == 1, "the request")
    if how == "SIGTERM":
        front.signal(signal.SIGTERM)
    elif how == "drain":
        front.say("drain")
    else:
        front.hang_up()
    time.sleep(0.5)
    assert front.process.poll() is None
    may_answer.set()
    reply = client.getresponse()
    assert (reply.status, reply.read()) == (200, b"ok")
    client.close()
    assert front.exit_code() == 0


def test_what_does_not_end_in_time_is_told_so(
    alone: Callable[..., Any], fronts: Any, hand_made: Callable[..., Any], request_reader: Read, tmp_path: Path
) -> None:
    replica = hand_made(tmp_path / "w.sock", lambda connection: (request_reader(connection), connection.recv(1)))
    front = alone(Settings(drain_timeout_s=1))
    front.table(fronts.service("last", fronts.version("1", replica.path, key="last")))
    client = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
    client.request("GET", "/services/last/score")
    front.wait_told(lambda one: one["event"] == "load" and one["sets"]["last"]["calls"] == 1, "the request")
    front.signal(signal.SIGTERM)
    reply = client.getresponse()
    assert reply.status == 503
    assert "stopping" in json.loads(reply.read())["message"]
    client.close()
    assert front.exit_code() == 0


def test_settings_that_cannot_be_used_end_it_with_code_3(alone: Callable[..., Any]) -> None:
    front = alone(Settings(rate_limit="often"))
    assert front.exit_code() == 3
    assert "rate_limit" in "\n".join(front.log)


def test_no_numpy_pandas_or_framework_is_in_a_front(python: Callable[..., str]) -> None:
    code = """
import sys
import scoringhost.fleet.front.__main__
found = {"numpy", "pandas", "flask", "werkzeug", "inference_schema", "gunicorn", "simdjson", "grpc"} & set(sys.modules)
assert not found, found
"""
    python(code)


def test_what_grpc_needs_is_only_in_a_front_that_takes_its_calls_and_numpy_not_even_then(
    python: Callable[..., str],
) -> None:
    code = """
import sys
import scoringhost.fleet.front.__main__
found = {"google.protobuf", "hpack"} & set(sys.modules)
assert not found, found
import scoringhost.fleet.front.grpc_port
found = {"numpy", "pandas", "flask", "werkzeug", "inference_schema", "gunicorn", "simdjson", "grpc"} & set(sys.modules)
assert not found, found
"""
    python(code)


def test_it_tells_what_has_come_of_the_calls_of_each_version(
    front: Any, fronts: Any, replica: Any, ask: Callable[..., Reply]
) -> None:
    front.add(
        fronts.service("counted", fronts.version("1", replica.path, key="counted")),
        fronts.service("broken", fronts.version("7", state=State.FAILED, reason="no model")),
    )
    assert ask(front.port, "POST", "/services/counted/score", [], b"abc").status == 200
    assert ask(front.port, "GET", "/services/counted/").status == 200  # a probe: it is not counted
    assert ask(front.port, "POST", "/services/broken/score", [], b"abc").status == 503
    names = {"counted", "broken"}
    told: dict[str, list[Any]] = {}

    def has_told(one: Mapping[str, Any]) -> bool:
        if one["event"] == "calls":
            told.update({name: rest for name, *rest in one["rows"] if name in names})
        return told.keys() == names

    front.wait_told(has_told, "what has come of calls")
    assert {name: row[:2] for name, row in told.items()} == {
        "counted": ["1", [1, 0, 0, 0]],
        "broken": ["7", [0, 0, 1, 0]],
    }
