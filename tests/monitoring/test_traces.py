"""Receivers of OpenTelemetry and Application Insights, with the real server; `.ci/run` installs what they need."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

# What is not installed where types are checked.
grpc: Any = import_module("grpc")
PROTO = "opentelemetry.proto.collector"
trace_service_pb2: Any = import_module(f"{PROTO}.trace.v1.trace_service_pb2")
trace_service_pb2_grpc: Any = import_module(f"{PROTO}.trace.v1.trace_service_pb2_grpc")
logs_service_pb2: Any = import_module(f"{PROTO}.logs.v1.logs_service_pb2")
logs_service_pb2_grpc: Any = import_module(f"{PROTO}.logs.v1.logs_service_pb2_grpc")

SCRIPT = """
import logging
from opentelemetry import trace

def init():
    pass

def run(raw_data):
    print("meow", raw_data)
    logging.warning("a warning of the script's")
    with trace.get_tracer("score").start_as_current_span("own"):
        return "meow"
"""
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KEY = "00000000-0000-0000-0000-000000000001"
ENDS_WITHIN_S = 12.0
"""Seconds that a server may take to end: one exporter that hangs has two of them, and this machine may be busy."""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "score.py"
    path.write_text(SCRIPT)
    return path


class Received:
    """What has come in: spans with their resource, log records, and envelopes of Application Insights."""

    def __init__(self) -> None:
        self.spans: list[tuple[Any, dict[str, Any]]] = []
        self.lines: list[Any] = []
        self.envelopes: list[dict[str, Any]] = []
        self.news = threading.Condition()

    def Export(self, message: Any, context: Any = None) -> Any:
        with self.news:
            if isinstance(message, trace_service_pb2.ExportTraceServiceRequest):
                for of_process in message.resource_spans:
                    about = {one.key: one.value.string_value for one in of_process.resource.attributes}
                    self.spans += [(span, about) for scope in of_process.scope_spans for span in scope.spans]
                answer: Any = trace_service_pb2.ExportTraceServiceResponse()
            else:
                for of_logs in message.resource_logs:
                    self.lines += [line for scope in of_logs.scope_logs for line in scope.log_records]
                answer = logs_service_pb2.ExportLogsServiceResponse()
            self.news.notify_all()
        return answer

    def named(self, name: str) -> list[Any]:
        return [span for span, _ in self.spans if span.name == name]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [one["data"]["baseData"] for one in self.envelopes if one["data"]["baseType"] == kind]


MESSAGES = {
    "/v1/traces": trace_service_pb2.ExportTraceServiceRequest,
    "/v1/logs": logs_service_pb2.ExportLogsServiceRequest,
}


class Receiver(ThreadingHTTPServer):
    """OTLP over HTTP, and Application Insights' own; a status other than 200 is what it answers instead."""

    daemon_threads = True

    def __init__(self, received: Received) -> None:
        super().__init__(("127.0.0.1", 0), _Receiving)
        self.received, self.status = received, 200
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Receiving(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        answer = b"{}"
        if self.server.status == 200:
            answer = self._take(body)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _take(self, body: bytes) -> bytes:
        received = self.server.received
        if self.path in MESSAGES:
            return bytes(received.Export(MESSAGES[self.path].FromString(body)).SerializeToString())
        envelopes = json.loads(body)
        with received.news:
            received.envelopes += envelopes
        return json.dumps({"itemsReceived": len(envelopes), "itemsAccepted": len(envelopes), "errors": []}).encode()

    def log_message(self, *what: Any) -> None:
        """Nothing."""


@pytest.fixture
def received() -> Received:
    return Received()


@pytest.fixture
def receiver(received: Received) -> Iterator[Receiver]:
    with Receiver(received) as server:
        yield server
        server.shutdown()


@pytest.fixture
def over_http(receiver: Receiver) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.server_port}"}


@pytest.fixture
def over_grpc(received: Received) -> Iterator[dict[str, str]]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(received, server)
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(received, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    server.stop(None)


@pytest.fixture(params=["over_http", "over_grpc"])
def endpoint(request: pytest.FixtureRequest) -> dict[str, str]:
    """The variables that name a receiver."""
    found: dict[str, str] = request.getfixturevalue(request.param)
    return found


def score(served: Served, *headers: tuple[str, str]) -> None:
    assert served.ask("POST", "/score", headers=list(headers), body=b"x").status == 200


@pytest.mark.parametrize("preload", ["false", "true"])
def test_spans_and_lines_arrive_from_every_worker(
    start: Callable[..., Served], script: Path, received: Received, endpoint: dict[str, str], preload: str
) -> None:
    environ = endpoint | {"OTEL_LOGS_EXPORTER": "otlp", "SCORINGHOST_SERVICE_NAME": "cats", "SCORINGHOST_WORKERS": "2"}
    served = start(script, SCORINGHOST_PRELOAD=preload, **environ).wait_ready(2)
    for _ in range(20):
        score(served, ("traceparent", f"00-{TRACE}-{PARENT}-01"), ("tracestate", "a=b"))
    assert served.stop() == 0, served.log.text
    assert [len(received.named(name)) for name in ("POST /score", "wait", "run", "own")] == [20] * 4
    whole, own = received.named("POST /score")[0], received.named("own")[0]
    assert (whole.trace_id.hex(), whole.parent_span_id.hex(), whole.trace_state) == (TRACE, PARENT, "a=b")
    runs = {span.span_id for span in received.named("run")}
    assert own.parent_span_id in runs
    _, about = received.spans[0]
    assert (about["service.name"], about["service.version"]) == ("cats", "1.0")
    said = {line.body.string_value: line for line in received.lines}
    assert said["meow x"].span_id in runs
    assert said["meow x"].trace_id == said["a warning of the script's"].trace_id == whole.trace_id
    assert said["a warning of the script's"].severity_text == "WARNING"
    assert any(text.startswith("POST /score 200") for text in said)
    served.log.wait_for(rf"POST /score 200 .* \[\S+ trace={TRACE} span=[0-9a-f]{{16}}\]")
    served.log.wait_for(rf"meow x \[\S+ trace={TRACE} span=[0-9a-f]{{16}}\]")


def test_sampling_is_what_the_standard_variables_say(
    start: Callable[..., Served], script: Path, received: Received, over_http: dict[str, str]
) -> None:
    sampler = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
    served = start(script, **over_http, **sampler, OTEL_SERVICE_NAME="dogs").wait_ready()
    for _ in range(5):
        score(served)
    score(served, ("traceparent", f"00-{TRACE}-{PARENT}-01"))
    assert served.stop() == 0
    assert len(received.named("POST /score")) == len(received.named("own")) == 1
    assert received.spans[0][1]["service.name"] == "dogs"


# BUG: the worker ended without sending them.
@pytest.mark.parametrize("short_calls", [0, 200], ids=["on a thread of its own", "on the event loop's thread"])
def test_a_run_that_does_not_end_has_its_spans(
    start: Callable[..., Served], tmp_path: Path, received: Received, over_http: dict[str, str], short_calls: int
) -> None:
    stuck = tmp_path / "score.py"
    stuck.write_text(STUCK)
    served = start(stuck, SCORING_TIMEOUT_MS="300", **over_http).wait_ready()
    for _ in range(short_calls):
        assert served.say("x").status == 200
    assert served.say("stuck").status == 504
    served.log.wait_for(r"worker (\d+) is ready for requests", 2)
    assert served.stop() == 0, served.log.text
    [request] = [span for span in received.named("POST /score") if span.status.code == 2]
    runs = [span for span in received.named("run") if span.parent_span_id == request.span_id]
    assert [span.status.code for span in runs] == [2]


STUCK = """
import contextlib
import time


def init():
    pass


def run(data):
    while data == "stuck":
        with contextlib.suppress(BaseException):
            time.sleep(60)
    return data
"""


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield listener.getsockname()[1]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("kind", ["nobody", "silent"])
def test_a_receiver_that_is_away_costs_no_request_anything_and_the_end_a_moment(
    start: Callable[..., Served],
    script: Path,
    port_of_nobody: Callable[[], int],
    silent: int,
    protocol: str,
    kind: str,
) -> None:
    port = silent if kind == "silent" else port_of_nobody()
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    # The queue is full soon, and something is always being sent.
    environ |= {"OTEL_BSP_MAX_QUEUE_SIZE": "64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8", "OTEL_BSP_SCHEDULE_DELAY": "10"}
    served = start(script, OTEL_LOGS_EXPORTER="otlp", **environ).wait_ready()
    slowest_s = 0.0
    for _ in range(300):
        began_s = time.monotonic()
        score(served)
        slowest_s = max(slowest_s, time.monotonic() - began_s)
    assert slowest_s < 2.0
    began_s = time.monotonic()
    assert served.stop() == 0, served.log.text
    assert time.monotonic() - began_s < ENDS_WITHIN_S


# -- Application Insights --------------------------------------------------------------------------------


def insights(port: int, **more: str) -> dict[str, str]:
    place = f"http://127.0.0.1:{port}/"
    return {
        "AML_APP_INSIGHTS_ENABLED": "true",
        "AML_APP_INSIGHTS_KEY": f"InstrumentationKey={KEY};IngestionEndpoint={place};LiveEndpoint={place}",
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    } | more


@pytest.mark.parametrize("with_responses", ["true", "false"])
def test_application_insights_gets_requests_and_the_scripts_lines(
    start: Callable[..., Served], script: Path, received: Received, receiver: Receiver, with_responses: str
) -> None:
    environ = insights(receiver.server_port, APP_INSIGHTS_LOG_RESPONSE_ENABLED=with_responses)
    served = start(script, **environ).wait_ready()
    score(served, ("x-ms-client-request-id", "mine"), ("traceparent", f"00-{TRACE}-{PARENT}-01"))
    assert served.ask("POST", "/nowhere").status == 404
    assert served.stop() == 0, served.log.text
    [request, nowhere] = sorted(received.of_kind("RequestData"), key=lambda one: one["responseCode"])
    assert (request["name"], request["responseCode"], request["success"]) == ("POST /score", "200", True)
    assert (nowhere["responseCode"], nowhere["success"]) == ("404", False)
    properties = request["properties"]
    assert properties["Client Request Id"] == "mine"
    assert properties["Request Id"]
    assert properties.get("Response Value") == ('"meow"' if with_responses == "true" else None)
    lines = [one["message"] for one in received.of_kind("MessageData")]
    assert "meow x" in lines
    assert not any("POST /score" in line for line in lines)
    [of_request] = [one for one in received.envelopes if one["data"]["baseData"] == request]
    assert of_request["iKey"] == KEY
    assert of_request["tags"]["ai.operation.id"] == TRACE
    assert KEY not in served.log.text


def test_application_insights_that_is_down_does_not_hold_up_the_end(
    start: Callable[..., Served], script: Path, receiver: Receiver
) -> None:
    receiver.status = 503
    served = start(script, **insights(receiver.server_port)).wait_ready()
    for _ in range(20):
        score(served)
    began_s = time.monotonic()
    assert served.stop() == 0, served.log.text
    assert time.monotonic() - began_s < ENDS_WITHIN_S


# -- a collector -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_real_collector_takes_what_is_sent(
    start: Callable[..., Served], script: Path, port_of_nobody: Callable[[], int], tmp_path: Path, protocol: str
) -> None:
    agent = Path(pytest.importorskip("rotel").__file__ or "").with_name("rotel-agent")
    ports = {"grpc": port_of_nobody(), "http/protobuf": port_of_nobody()}
    command = [str(agent), "start", "--exporter", "blackhole"]
    command += ["--otlp-grpc-endpoint", f"127.0.0.1:{ports['grpc']}"]
    command += ["--otlp-http-endpoint", f"127.0.0.1:{ports['http/protobuf']}"]
    command += ["--debug-log", "traces", "--debug-log", "logs", "--debug-log-verbosity", "detailed"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL", "ROTEL"))}
    with (tmp_path / "collector.log").open("w") as log:
        collector = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environ)
        try:
            until_s = time.monotonic() + 30
            while time.monotonic() < until_s:
                try:
                    socket.create_connection(("127.0.0.1", ports[protocol]), 1).close()
                    break
                except OSError:
                    continue
            endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{ports[protocol]}"}
            endpoint["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol
            served = start(script, OTEL_LOGS_EXPORTER="otlp", **endpoint).wait_ready()
            score(served, ("traceparent", f"00-{TRACE}-{PARENT}-01"))
            assert served.stop() == 0, served.log.text
        finally:
            collector.send_signal(signal.SIGTERM)
            collector.wait(30)
    text = (tmp_path / "collector.log").read_text()
    assert TRACE in text, text[-3000:]
    assert "POST /score" in text
    assert "meow x" in text


# -- a process that is forked ------------------------------------------------------------------------------

FORKED = """
import os, sys
from scoringhost import create_app
app = create_app("score.py")
assert app.test_client().post("/score", data=b"before").status_code == 200
pid = os.fork()
if pid == 0:
    assert app.test_client().post("/score", data=b"after").status_code == 200
    app.extensions["scoringhost"].close()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
app.extensions["scoringhost"].close()
"""


def test_an_application_that_is_forked_sends_from_both_processes(
    script: Path, received: Received, over_http: dict[str, str]
) -> None:
    environ = {"PATH": os.environ["PATH"]} | over_http
    done = subprocess.run(
        [sys.executable, "-c", FORKED], cwd=script.parent, env=environ, timeout=60, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = received.named("POST /score")
    sizes = [one.value.int_value for span in found for one in span.attributes if one.key == "http.request.body.size"]
    assert sorted(sizes) == [5, 6]
