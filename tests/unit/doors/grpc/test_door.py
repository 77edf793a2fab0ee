"""The gRPC door: calls of every kind against a service in this process."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from scoringhost import assemble
from scoringhost.dialects.oip_grpc.pool import HEALTH, INFERENCE, REFLECTION, messages
from scoringhost.doors.grpc.door import sockets_at
from scoringhost.errors import MissingExtra
from scoringhost.http.messages import HttpRequest
from scoringhost.schema.tensor_metadata import DATATYPES
from scoringhost.telemetry.exposition import Exposition
from scoringhost.worker_doors import worker_doors
from tests.unit.doors.grpc.conftest import request_of

if TYPE_CHECKING:
    from tests.unit.doors.grpc.conftest import GrpcService

Serve = Callable[..., "GrpcService"]

NUMBERS = [name for name in DATATYPES if name != "BYTES"]
PLAIN = "def init():\n    pass\n\n\ndef run(data):\n    return {}\n"


def test_every_method_of_the_server_answers(grpc_service: Serve) -> None:
    service = grpc_service()
    known = messages()

    assert service.call("ServerLive").live
    assert service.call("ServerReady").ready
    assert service.call("ServerMetadata").name == "scoringhost"
    named = {"name": "echo", "version": "1.0"}
    assert service.call("ModelReady", known[f"{INFERENCE}.ModelReadyRequest"](**named)).ready
    said = service.call("ModelMetadata", known[f"{INFERENCE}.ModelMetadataRequest"](**named))
    assert [(one.name, one.datatype, list(one.shape)) for one in said.inputs] == [("data", "FP64", [-1, -1])]
    (index,) = service.call("RepositoryIndex").models
    assert (index.name, index.version, index.state) == ("echo", "1.0", "READY")


@pytest.mark.parametrize("datatype", NUMBERS)
def test_numbers_come_back_from_raw_contents(grpc_service: Serve, datatype: str) -> None:
    array = np.array([[0, 1], [1, 0]], dtype=DATATYPES[datatype].numpy)

    response = grpc_service().infer(request_of(array, datatype, id="q1"))

    (output,) = response.outputs
    assert (response.model_name, response.model_version, response.id) == ("echo", "1.0", "q1")
    assert (output.name, output.datatype, list(output.shape)) == ("output-0", datatype, [2, 2])
    assert response.raw_output_contents[0] == array.tobytes()


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda request: setattr(request, "model_name", "nope"), "NOT_FOUND", "nope"),
        (lambda request: setattr(request, "model_version", "9"), "NOT_FOUND", "9"),
        (lambda request: setattr(request.inputs[0], "datatype", "FP8"), "INVALID_ARGUMENT", "FP8"),
        (lambda request: setattr(request.inputs[0], "name", "other"), "INVALID_ARGUMENT", "other"),
        (lambda request: request.inputs[0].shape.append(2), "INVALID_ARGUMENT", "data"),
        (lambda request: request.inputs[0].shape.insert(0, -1), "INVALID_ARGUMENT", "data"),
        (lambda request: request.raw_input_contents.append(b"1234"), "INVALID_ARGUMENT", "raw_input_contents"),
        (lambda request: request.inputs[0].contents.fp32_contents.append(1), "INVALID_ARGUMENT", "contents"),
        (lambda request: request.inputs.add(name="data", datatype="FP32"), "INVALID_ARGUMENT", "raw_input_contents"),
        (lambda request: request.outputs.add(name="zzz"), "INVALID_ARGUMENT", "zzz"),
    ],
)
def test_a_callers_fault_has_its_code_and_names_what_is_wrong(
    grpc_service: Serve, change: Callable[[Any], None], code: str, said: str
) -> None:
    request = request_of(np.ones((1, 1), np.float32), "FP32")
    change(request)

    error = grpc_service().fails("ModelInfer", request)

    assert (error.code().name, said in error.details()) == (code, True), error.details()


def test_bytes_that_are_no_message_are_the_callers_fault(grpc_service: Serve) -> None:
    method = grpc_service().channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")

    with pytest.raises(grpc.RpcError) as caught:
        method(b"\xff\xff\xff", timeout=30)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_an_exception_of_the_script_is_internal_with_its_message_and_without_a_traceback(grpc_service: Serve) -> None:
    service = grpc_service(PLAIN.format("1 / 0"))

    error = service.fails("ModelInfer", json_request("1"))

    assert (error.code(), error.details()) == (
        grpc.StatusCode.INTERNAL,
        "run() raised ZeroDivisionError: division by zero",
    )


def test_a_method_that_is_not_served_is_unimplemented(grpc_service: Serve) -> None:
    method = grpc_service().channel.unary_unary("/inference.GRPCInferenceService/ModelConfig")

    with pytest.raises(grpc.RpcError) as caught:
        method(b"", timeout=30)

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_only_model_can_neither_be_loaded_nor_unloaded(grpc_service: Serve) -> None:
    service = grpc_service()
    for name in ("RepositoryModelLoad", "RepositoryModelUnload"):
        request = messages()[f"{INFERENCE}.{name}Request"]
        assert service.fails(name, request(model_name="echo")).code() is grpc.StatusCode.UNIMPLEMENTED
        assert service.fails(name, request(repository_name="nope")).code() is grpc.StatusCode.NOT_FOUND


def test_the_request_id_goes_out_as_it_came_in_and_metadata_are_headers(grpc_service: Serve) -> None:
    script = "def init():\n    pass\n\n\ndef run(data, request_headers):\n    return request_headers['X-Tenant']\n"
    service = grpc_service(script)
    method = service.channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    metadata = [("x-request-id", "abc"), ("x-tenant", "blue")]

    body, call = method.with_call(json_request("1").SerializeToString(), metadata=metadata, timeout=30)

    response = messages()[f"{INFERENCE}.ModelInferResponse"].FromString(body)
    assert response.outputs[0].contents.bytes_contents[0] == b'"blue"'
    assert ("x-request-id", "abc") in call.trailing_metadata()


def test_40_mb_go_both_ways_and_more_than_the_limit_is_refused(grpc_service: Serve) -> None:
    service = grpc_service(grpc_max_message_mb=48)
    array = np.arange(10_000_000, dtype=np.float32).reshape(1000, 10_000)

    response = service.infer(request_of(array, "FP32"), timeout=120)
    error = service.fails("ModelInfer", request_of(np.ones((13_000_000, 1), np.float32), "FP32"), timeout=120)

    assert np.array_equal(np.frombuffer(response.raw_output_contents[0], np.float32).reshape(array.shape), array)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_gzip_is_understood(grpc_service: Serve) -> None:
    array = np.ones((10_000, 1), np.float32)

    response = grpc_service().infer(request_of(array, "FP32"), compression=grpc.Compression.Gzip)

    assert response.raw_output_contents[0] == array.tobytes()


def test_a_run_that_outlives_the_callers_deadline_is_broken_off(grpc_service: Serve) -> None:
    service = grpc_service(PLAIN.format("__import__('time').sleep(1000)"))

    error = service.fails("ModelInfer", json_request("1"), timeout=0.3)

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert service.fails("ModelInfer", json_request("1"), timeout=0.3).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert service.call("ServerReady").ready


WAITS = """
import threading
begun, go_on, calls = threading.Event(), threading.Event(), []
def init():
    pass
def run(data):
    calls.append(data)
    begun.set()
    go_on.wait(30)
    return len(calls)
"""


def test_a_call_that_was_cancelled_while_it_waited_is_never_run(grpc_service: Serve) -> None:
    service = grpc_service(WAITS)
    module = next(iter(service.process.engine.site.host)).script.module
    method = service.channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    first = method.future(json_request("1").SerializeToString(), timeout=30)
    assert module.begun.wait(30)
    second = method.future(json_request("2").SerializeToString(), timeout=30)
    while service.door.requests < 2:
        threading.Event().wait(0.005)

    second.cancel()
    assert health_of(service) == "SERVING"  # beside a run() that goes on
    module.go_on.set()
    first.result(30)
    service.infer(json_request("3"))

    assert module.calls == ["1", "3"]


def test_keys_are_asked_for_in_both_headers_but_not_of_probes(grpc_service: Serve) -> None:
    service = grpc_service(primary_key="0123456789abcdef")
    request = request_of(np.ones((1, 1), np.float32), "FP32")

    assert service.fails("ModelInfer", request).code() is grpc.StatusCode.UNAUTHENTICATED
    wrong = [("x-api-key", "nope")]
    assert service.fails("ModelInfer", request, metadata=wrong).code() is grpc.StatusCode.UNAUTHENTICATED
    assert service.infer(request, metadata=[("x-api-key", "0123456789abcdef")]).outputs
    assert service.infer(request, metadata=[("authorization", "Bearer 0123456789abcdef")]).outputs
    assert service.call("ServerReady").ready
    assert health_of(service) == "SERVING"
    assert service.fails("ServerMetadata").code() is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.RpcError) as caught:
        list(opened(service, [request]))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_who_asks_too_often_is_told_when_to_come_again(grpc_service: Serve) -> None:
    service = grpc_service(rate_limit="2/h")
    request = request_of(np.ones((1, 1), np.float32), "FP32")
    service.infer(request)
    service.infer(request)

    error = service.fails("ModelInfer", request)

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "retry-after" in dict(error.trailing_metadata())


def test_calls_are_counted_like_those_over_http(grpc_service: Serve) -> None:
    service = grpc_service(metrics=True)
    service.infer(request_of(np.ones((1, 1), np.float32), "FP32"))
    service.fails("ModelInfer", request_of(np.ones((1, 1), np.float32), "FP32", model="nope"))

    metrics = service.process.engine.site.metrics
    assert metrics is not None
    counted: Any = Exposition(metrics, None).endpoints()["/metrics"].methods["GET"](HttpRequest("GET", "/metrics"))
    text = counted.body.decode()
    assert [line.split()[1] for line in text.splitlines() if "requests_total" in line and 'dialect="grpc"' in line]


# -- streams ----------------------------------------------------------------------------------------

STREAMS = """
import numpy as np
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("count", StandardPythonParameterType(3))
def run(count):
    for number in range(count):
        if number == 5:
            raise ValueError("no more")
        yield np.array([number])
"""


def opened(service: GrpcService, requests: Any, **more: Any) -> Iterator[Any]:
    known = messages()
    method = service.channel.stream_stream(
        "/inference.GRPCInferenceService/ModelStreamInfer",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=known[f"{INFERENCE}.ModelStreamInferResponse"].FromString,
    )
    return method(iter(requests), timeout=30, **more)


def counts(count: int, **more: Any) -> Any:
    return request_of(np.array([count], np.int64), "INT64", "count", **more)


def test_each_item_of_a_generator_is_a_response_on_the_stream(grpc_service: Serve) -> None:
    answers = list(opened(grpc_service(STREAMS), [counts(2, id="a"), counts(1, id="b")]))

    found = [
        (one.infer_response.id, np.frombuffer(one.infer_response.raw_output_contents[0], np.int64)[0])
        for one in answers
    ]
    assert found == [("a", 0), ("a", 1), ("b", 0)]


def test_an_error_on_a_stream_is_said_with_the_id_and_the_stream_goes_on(grpc_service: Serve) -> None:
    unknown = request_of(np.array([1], np.int64), "INT64", "x", id="a")
    requests = [unknown, counts(7, id="b"), counts(1, id="c")]

    answers = list(opened(grpc_service(STREAMS), requests))

    assert [(one.error_message != "", one.infer_response.id) for one in answers] == [
        (True, "a"), *[(False, "b")] * 5, (True, "b"), (False, "c"),
    ]  # fmt: skip
    assert "no more" in answers[6].error_message


def test_the_last_response_is_said_to_be_so_to_who_asks(grpc_service: Serve) -> None:
    request = counts(2, id="a")
    request.parameters["triton_enable_empty_final_response"].bool_param = True

    answers = list(opened(grpc_service(STREAMS), [request]))

    flags = [one.infer_response.parameters["triton_final_response"].bool_param for one in answers]
    assert flags == [False, False, True]
    assert not answers[-1].infer_response.outputs


def test_a_caller_that_leaves_a_stream_gives_the_turn_back(grpc_service: Serve) -> None:
    service = grpc_service(STREAMS)
    call: Any = opened(service, [counts(4)])
    next(call)
    call.cancel()

    assert service.infer(counts(1)).outputs


# -- health and reflection --------------------------------------------------------------------------


def health_of(service: GrpcService, name: str = "") -> str:
    known = messages()
    response = known[f"{HEALTH}.HealthCheckResponse"]
    check = service.channel.unary_unary(
        f"/{HEALTH}.Health/Check",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=response.FromString,
    )
    said = check(known[f"{HEALTH}.HealthCheckRequest"](service=name), timeout=30)
    return str(response.ServingStatus.Name(said.status))


def test_health_knows_the_server_the_service_and_the_model_and_nothing_else(grpc_service: Serve) -> None:
    service = grpc_service()

    assert [health_of(service, name) for name in ("", "echo", "inference.GRPCInferenceService")] == ["SERVING"] * 3
    with pytest.raises(grpc.RpcError) as caught:
        health_of(service, "nope")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_who_watches_health_hears_of_the_end(grpc_service: Serve) -> None:
    service = grpc_service()
    known = messages()
    response = known[f"{HEALTH}.HealthCheckResponse"]
    watch = service.channel.unary_stream(
        f"/{HEALTH}.Health/Watch",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=response.FromString,
    )(known[f"{HEALTH}.HealthCheckRequest"](), timeout=30)
    assert next(watch).status == response.SERVING

    service.process.engine.drain()

    assert next(watch).status == response.NOT_SERVING
    assert not service.call("ServerReady").ready


def test_reflection_names_the_services_and_gives_their_files(grpc_service: Serve) -> None:
    service = grpc_service()
    known = messages()
    request = known[f"{REFLECTION}.ServerReflectionRequest"]
    info = service.channel.stream_stream(
        f"/{REFLECTION}.ServerReflection/ServerReflectionInfo",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=known[f"{REFLECTION}.ServerReflectionResponse"].FromString,
    )
    asked = [
        request(list_services="*"),
        request(file_containing_symbol="inference.ModelInferRequest"),
        request(file_by_filename="nope.proto"),
    ]

    services, file, missing = info(iter(asked), timeout=30)

    assert "inference.GRPCInferenceService" in [one.name for one in services.list_services_response.service]
    assert b"ModelInferRequest" in file.file_descriptor_response.file_descriptor_proto[0]
    assert missing.error_response.error_code == 5


# -- the end ----------------------------------------------------------------------------------------


def test_what_was_taken_in_is_answered_when_the_door_closes(grpc_service: Serve) -> None:
    service = grpc_service(WAITS)
    module = next(iter(service.process.engine.site.host)).script.module
    method = service.channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    first = method.future(json_request("1").SerializeToString(), timeout=30)
    assert module.begun.wait(30)

    by_s = time.monotonic() + 30
    service.process.run(service.door.stop_accepting(by_s))
    module.go_on.set()

    assert service.process.run(service.door.finish(by_s))
    assert first.result(30)


def test_what_waits_when_the_time_is_over_is_told_to_try_again(grpc_service: Serve) -> None:
    service = grpc_service(WAITS)
    module = next(iter(service.process.engine.site.host)).script.module
    method = service.channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    first = method.future(json_request("1").SerializeToString(), timeout=30)
    assert module.begun.wait(30)

    async def cancel() -> None:
        service.door.cancel()

    service.process.run(cancel())
    with pytest.raises(grpc.RpcError) as caught:
        first.result(30)
    module.go_on.set()

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def json_request(text: str) -> Any:
    """The input of a run() without decorators."""
    request = messages()[f"{INFERENCE}.ModelInferRequest"](model_name="echo")
    tensor = request.inputs.add(name="data", datatype="BYTES", shape=[1])
    tensor.contents.bytes_contents.append(text.encode())
    return request


def test_a_process_that_the_script_forks_holds_neither_the_port_nor_its_connections(grpc_service: Serve) -> None:
    service = grpc_service()
    service.call("ServerLive")
    assert len(sockets_at(service.port)) >= 2  # one that listens, one with a client

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(len(sockets_at(service.port))).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reader, 10) == b"0"
    assert service.call("ServerLive").live
    os.close(reader)
    os.close(writer)


def test_a_missing_package_is_said_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("scoringhost.doors.grpc")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hpack", None)
    settings = assemble.settings_of("score.py", {}, {"grpc_port": 1})

    with pytest.raises(MissingExtra) as caught:
        worker_doors(settings, is_guarded=False)

    assert "pip install" in str(caught.value)


def test_a_client_may_reach_the_port_only_with_a_server_behind_it(grpc_service: Serve) -> None:
    service = grpc_service()
    by_s = time.monotonic() + 10
    service.process.run(service.door.stop_accepting(by_s))
    service.process.run(service.door.finish(by_s))

    error = service.fails("ServerLive")

    assert error.code() is grpc.StatusCode.UNAVAILABLE


def test_looking_for_the_sockets_of_a_port_leaves_everything_as_it_is() -> None:
    reader, writer = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        before = sorted(os.listdir("/proc/self/fd"))
        assert sockets_at(port) == [listener.fileno()]
        assert sorted(os.listdir("/proc/self/fd")) == before
        assert listener.getsockname()[1] == port
    os.close(writer)
    assert os.read(reader, 1) == b""  # nobody else holds its other end
    os.close(reader)
