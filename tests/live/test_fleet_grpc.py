"""A fleet's gRPC port, with the clients that people use."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from scoringhost.dialects.oip_grpc.pool import HEALTH, INFERENCE, INFERENCE_SERVICE, REFLECTION, messages
from tests.live.fleets import Fleet

if TYPE_CHECKING:
    from tests.conftest import Served

pytestmark = pytest.mark.slow
triton = pytest.importorskip("tritonclient.grpc")
from tritonclient.utils import InferenceServerException  # noqa: E402

SUM = """
import os
import time

import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]], dtype=np.float32)))
@output_schema(NumpyParameterType(np.array([1.0], dtype=np.float32)))
def run(data):
    if data[0, 0] == 13:
        raise ValueError("thirteen")
    if data[0, 0] == 66:
        os._exit(1)
    if data[0, 0] < 0:
        time.sleep(-float(data[0, 0]))
    return data.sum(axis=1)
"""
COUNTING = """
def init():
    pass


def run(data):
    for number in range(int(data)):
        yield number
    if int(data) == 2:
        raise ValueError("two")
"""
FAILING = "def init():\n    raise ValueError('no model here')\n\n\ndef run(data):\n    return data\n"
WITHIN_S = 60.0


@pytest.fixture
def fleet(start: Callable[..., Served]) -> Iterator[Fleet]:
    one = Fleet(start)
    yield one
    one.remove()


@pytest.fixture
def serve(fleet: Fleet, port_of_nobody: Callable[[], int]) -> Callable[..., str]:
    """serve(*flags): starts the fleet; answers where its gRPC port is."""

    def serve(*flags: str) -> str:
        port = port_of_nobody()
        fleet.start("--grpc-port", str(port), *flags)
        return f"127.0.0.1:{port}"

    return serve


def tensor(value: float, rows: int = 1) -> list[Any]:
    data = triton.InferInput("data", [rows, 2], "FP32")
    data.set_data_from_numpy(np.full((rows, 2), value, np.float32))
    return [data]


def refused(call: Callable[..., Any], *given: Any, **more: Any) -> tuple[str, str]:
    with pytest.raises(InferenceServerException) as caught:
        call(*given, **more)
    return caught.value.status().removeprefix("StatusCode."), caught.value.message()


def body_of(name: str, value: float) -> bytes:
    request = messages()[f"{INFERENCE}.ModelInferRequest"](model_name=name)
    request.inputs.add(name="data", datatype="FP32", shape=[1, 2])
    request.raw_input_contents.append(np.array([[value, 2.0]], np.float32).tobytes())
    done: bytes = request.SerializeToString()
    return done


def test_tritonclient_asks_servers_models_and_versions(fleet: Fleet, serve: Callable[..., str]) -> None:
    for name in ("sum/1", "sum/2"):
        fleet.service(name, SUM)
    fleet.service("bad", FAILING)
    with triton.InferenceServerClient(serve()) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert "model_repository" in client.get_server_metadata().extensions
        assert client.is_model_ready("sum")
        assert client.get_model_metadata("sum", as_json=True)["inputs"][0]["shape"] == ["-1", "2"]
        answer = client.infer("sum", tensor(1), request_id="q")
        assert answer.as_numpy("output-0").tolist() == [2.0]
        assert (answer.get_response().id, answer.get_response().model_version) == ("q", "2")
        assert client.infer("sum", tensor(1), model_version="1").get_response().model_version == "1"

        assert refused(client.infer, "sum", tensor(1), model_version="7")[0] == "NOT_FOUND"
        assert refused(client.infer, "sun", tensor(1)) == (
            "NOT_FOUND", "There is no service 'sun'; is one of these meant: 'sum'"
        )  # fmt: skip
        assert refused(client.infer, "sum", tensor(13)) == ("INTERNAL", "run() raised ValueError: thirteen")
        code, why = refused(client.infer, "bad", tensor(1))
        assert code == "UNAVAILABLE"
        assert "bad is failed" in why
        assert refused(client.infer, "sum", tensor(-30), client_timeout=0.5)[0] == "DEADLINE_EXCEEDED"
        wrong = triton.InferInput("other", [1], "FP32").set_data_from_numpy(np.zeros(1, np.float32))
        assert refused(client.infer, "sum", [wrong])[0] == "INVALID_ARGUMENT"


def test_the_repository_by_tritonclient_and_by_the_older_service_of_mlserver(
    fleet: Fleet, serve: Callable[..., str]
) -> None:
    fleet.service("sum", SUM)
    fleet.service("bad", FAILING)
    place = serve()
    with triton.InferenceServerClient(place) as client:

        def states() -> dict[str, str]:
            return {one.name: one.state for one in client.get_model_repository_index().models}

        fleet.until(lambda: states() == {"bad": "UNAVAILABLE", "sum": "READY"}, "each has its state")
        client.unload_model("sum")
        assert states() == {"bad": "UNAVAILABLE", "sum": "UNAVAILABLE"}
        assert refused(client.infer, "sum", tensor(1))[0] == "NOT_FOUND"
        client.load_model("sum")
        assert client.infer("sum", tensor(1)).as_numpy("output-0").tolist() == [2.0]
        assert refused(client.load_model, "nobody")[0] == "NOT_FOUND"
        code, why = refused(client.load_model, "bad")
        assert code == "INTERNAL"
        assert "no model here" in why
        code, why = refused(client.load_model, "sum", config="{}")
        assert code == "INVALID_ARGUMENT"
        assert "config" in why

    kinds = messages()
    with grpc.insecure_channel(place) as channel:

        def older(method: str, message: Any) -> bytes:
            path = f"/inference.model_repository.ModelRepositoryService/{method}"
            answer: bytes = channel.unary_unary(path)(message.SerializeToString(), timeout=WITHIN_S)
            return answer

        older("RepositoryModelUnload", kinds[f"{INFERENCE}.RepositoryModelUnloadRequest"](model_name="sum"))
        ready = kinds[f"{INFERENCE}.RepositoryIndexRequest"](ready=True)
        assert older("RepositoryIndex", ready) == b""
        older("RepositoryModelLoad", kinds[f"{INFERENCE}.RepositoryModelLoadRequest"](model_name="sum"))
        found = kinds[f"{INFERENCE}.RepositoryIndexResponse"].FromString(older("RepositoryIndex", ready))
        assert [one.name for one in found.models] == ["sum"]


def test_health_and_reflection_by_grpcio(fleet: Fleet, serve: Callable[..., str]) -> None:
    fleet.service("sum", SUM)
    kinds = messages()
    with grpc.insecure_channel(serve()) as channel:
        asked = kinds[f"{HEALTH}.HealthCheckRequest"](service="sum").SerializeToString()
        watched = channel.unary_stream(f"/{HEALTH}.Health/Watch")(asked, timeout=WITHIN_S)
        response = kinds[f"{HEALTH}.HealthCheckResponse"]
        names = response.ServingStatus.Name

        assert names(response.FromString(next(watched)).status) == "SERVING"
        fleet.ask("unload", name="sum")
        assert names(response.FromString(next(watched)).status) == "NOT_SERVING"

        listing = kinds[f"{REFLECTION}.ServerReflectionRequest"](list_services="").SerializeToString()
        reflect = channel.stream_stream(f"/{REFLECTION}.ServerReflection/ServerReflectionInfo")
        (said,) = reflect(iter([listing]), timeout=WITHIN_S)
        found = kinds[f"{REFLECTION}.ServerReflectionResponse"].FromString(said).list_services_response.service
        assert INFERENCE_SERVICE in {one.name for one in found}


def test_a_message_of_60_mb_comes_whole(fleet: Fleet, serve: Callable[..., str]) -> None:
    fleet.service("sum", SUM)
    with triton.InferenceServerClient(serve()) as client:
        answer = client.infer("sum", tensor(2, rows=7_500_000)).as_numpy("output-0")
    assert answer.shape == (7_500_000,)
    assert (answer == 4).all()


def test_200_calls_at_once_are_all_answered_each_with_its_own_answer(fleet: Fleet, serve: Callable[..., str]) -> None:
    fleet.service("sum", SUM)
    kind = messages()[f"{INFERENCE}.ModelInferResponse"]
    with grpc.insecure_channel(serve("--max-waiting", "1000")) as channel:
        infer = channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer")
        calls = [infer.future(body_of("sum", 100.0 + number), timeout=WITHIN_S) for number in range(200)]
        answers = [kind.FromString(one.result(WITHIN_S)).raw_output_contents[0] for one in calls]
    assert [float(np.frombuffer(one, np.float32)[0]) for one in answers] == [102.0 + number for number in range(200)]


def test_a_stream_goes_on_after_a_request_that_fails(fleet: Fleet, serve: Callable[..., str]) -> None:
    fleet.service("counting", COUNTING)
    answers: list[Any] = []
    there = threading.Semaphore(0)

    def take(result: Any, error: Any) -> None:
        answers.append(str(error) if error else result.as_numpy("output-0").tolist()[0])
        there.release()

    def ask(name: str, text: str, number: int) -> None:
        data = triton.InferInput("data", [1], "BYTES")
        data.set_data_from_numpy(np.array([text], dtype=object))
        client.async_stream_infer(name, [data])
        for _ in range(number):
            assert there.acquire(timeout=WITHIN_S)

    with triton.InferenceServerClient(serve()) as client:
        client.start_stream(take)
        ask("counting", "3", 3)
        ask("counting", "2", 3)
        ask("nobody", "1", 1)
        ask("counting", "1", 1)
        client.stop_stream()
    assert answers[:5] == [b"0", b"1", b"2", b"0", b"1"]
    assert "ValueError: two" in answers[5]
    assert "There is no service 'nobody'" in answers[6]
    assert answers[7:] == [b"0"]


def test_shares_and_a_sticky_header_hold_for_calls_too(fleet: Fleet, serve: Callable[..., str]) -> None:
    for number in ("1", "2"):
        fleet.service(f"sum/{number}", SUM)
    (fleet.folder / "sum" / "service.json").write_text('{"traffic": {"1": 50, "2": 50}, "sticky_header": "X-User"}')
    with triton.InferenceServerClient(serve()) as client:

        def version(**headers: str) -> str:
            said = client.infer("sum", tensor(1), headers=headers).get_response().model_version
            return str(said)

        assert set(Counter(version() for _ in range(40))) == {"1", "2"}
        for user in ("ada", "bob", "eve"):
            assert len({version(**{"x-user": user}) for _ in range(10)}) == 1


def test_a_worker_that_dies_in_a_call_is_unavailable_and_others_are_answered(
    fleet: Fleet, serve: Callable[..., str]
) -> None:
    fleet.service("sum", SUM)
    fleet.service("other", SUM)
    with triton.InferenceServerClient(serve()) as client:
        code, why = refused(client.infer, "sum", tensor(66))
        assert code == "UNAVAILABLE"
        assert "sum" in why
        assert client.infer("other", tensor(1)).as_numpy("output-0").tolist() == [2.0]


def test_sigterm_answers_the_calls_that_were_taken(fleet: Fleet, serve: Callable[..., str]) -> None:
    fleet.service(
        "sum",
        SUM.replace("        time.sleep", f"        open({str(fleet.place / 'begun')!r}, 'w')\n        time.sleep"),
    )
    with grpc.insecure_channel(serve()) as channel:
        infer = channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer")
        infer(body_of("sum", 1.0), timeout=WITHIN_S)
        mark = fleet.place / "begun"
        long = infer.future(body_of("sum", -1.0), timeout=WITHIN_S)
        fleet.until(mark.exists, "the call to be run")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            ended = pool.submit(fleet.served.process.wait, WITHIN_S)
            os.kill(fleet.served.process.pid, signal.SIGTERM)
            assert long.result(WITHIN_S)
            assert ended.result() == 0


def test_the_dialects_paths_are_not_reached_through_those_of_services(fleet: Fleet, serve: Callable[..., str]) -> None:
    fleet.service("sum", SUM)
    serve()
    for word in ("inference.GRPCInferenceService", "%69nference.GRPCInferenceService"):
        reply = fleet.served.ask(
            "POST",
            f"/services/sum/{word}/ModelInfer",
            body=body_of("sum", 1.0),
            headers=[("x-scoringhost-grpc", "1"), ("Content-Type", "application/grpc")],
        )
        assert reply.status == 404


def test_calls_behind_the_first_go_on_in_bundles_and_nothing_else_is_different(
    fleet: Fleet, serve: Callable[..., str]
) -> None:
    fleet.service("sum", SUM, settings={"max_waiting": 1000})
    kind = messages()[f"{INFERENCE}.ModelInferResponse"]
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(serve(), options) as channel:
        infer = channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer")

        def value_of(answer: bytes) -> float:
            return float(np.frombuffer(kind.FromString(answer).raw_output_contents[0], np.float32)[0])

        assert value_of(infer(body_of("sum", 1.0), timeout=WITHIN_S)) == 3.0  # alone: it says that there are bundles
        calls = [infer.future(body_of("sum", 100.0 + number), timeout=WITHIN_S) for number in range(200)]
        assert [value_of(one.result()) for one in calls] == [102.0 + number for number in range(200)]

        large = messages()[f"{INFERENCE}.ModelInferRequest"](model_name="sum")
        large.inputs.add(name="data", datatype="FP32", shape=[2_000_000, 2])
        large.raw_input_contents.append(bytes(16_000_000))
        beside = [infer.future(one, timeout=WITHIN_S) for one in (large.SerializeToString(), body_of("sum", 2.0))]
        assert [value_of(one.result()) for one in beside] == [0.0, 4.0]

        with pytest.raises(grpc.RpcError) as late:
            infer(body_of("sum", -1.0), timeout=0.3)
        assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        with pytest.raises(grpc.RpcError) as failed:
            infer(body_of("sum", 13.0), timeout=WITHIN_S)
        assert (failed.value.code(), failed.value.details()) == (
            grpc.StatusCode.INTERNAL, "run() raised ValueError: thirteen"
        )  # fmt: skip
        with pytest.raises(grpc.RpcError) as lost:
            infer(body_of("sum", 66.0), timeout=WITHIN_S)
        assert lost.value.code() is grpc.StatusCode.UNAVAILABLE

        def is_answered() -> bool:
            """Not before there is another worker in the place of the only one."""
            try:
                return value_of(infer(body_of("sum", 5.0), timeout=WITHIN_S)) == 7.0
            except grpc.RpcError as unready:
                assert unready.code() is grpc.StatusCode.UNAVAILABLE
                return False

        fleet.until(is_answered, "the worker to be replaced")


def test_reloads_and_another_number_of_replicas_lose_no_call(fleet: Fleet, serve: Callable[..., str]) -> None:
    fleet.service("sum", SUM)
    is_over = threading.Event()
    with grpc.insecure_channel(serve()) as channel:
        infer = channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer")

        def ask_on(_: int) -> int:
            count = 0
            while not is_over.is_set():
                infer(body_of("sum", 1.0), timeout=WITHIN_S)
                count += 1
            return count

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask_on, one) for one in range(4)]
            try:
                for _ in range(3):
                    fleet.ask("reload", name="sum")
                fleet.ask("scale", name="sum", version=None, minimum=2, maximum=2)
                fleet.ask("scale", name="sum", version=None, minimum=1, maximum=1)
            finally:
                is_over.set()
            assert all(one.result() > 0 for one in asking)
