"""The gRPC port of the real server, with the clients that people use."""

from __future__ import annotations

import asyncio
import collections
import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from scoringhost.dialects.oip_grpc.pool import HEALTH, INFERENCE, messages
from tests.conftest import free_port

if TYPE_CHECKING:
    from tests.conftest import Served

tritonclient = pytest.importorskip("tritonclient.grpc")
import tritonclient.grpc.aio as tritonclient_aio  # noqa: E402

SCRIPT = Path(__file__).parent / "scripts" / "grpc_model.py"
NAME = "grpc_model"
CLOSING_S = 30.0

Start = Callable[..., "Served"]


@pytest.fixture
def served(start: Start, port_of_nobody: Callable[[], int]) -> Iterator[Callable[..., tuple[Served, str]]]:
    """served(*flags, **environ): the server, and where its gRPC port is."""
    started: list[Served] = []

    def serve(*flags: str, **environ: str) -> tuple[Served, str]:
        port = port_of_nobody()
        one = start(SCRIPT, "--grpc-port", str(port), *flags, **environ)
        started.append(one)
        return one, f"127.0.0.1:{port}"

    yield serve
    for one in started:
        one.kill()


def tensor(client: Any, value: float = 1.0) -> Any:
    data = client.InferInput("data", [1, 2], "FP32")
    data.set_data_from_numpy(np.array([[value, 2.0]], np.float32))
    return data


def body_of(value: float) -> bytes:
    request = messages()[f"{INFERENCE}.ModelInferRequest"](model_name=NAME)
    request.inputs.add(name="data", datatype="FP32", shape=[1, 2])
    request.raw_input_contents.append(np.array([[value, 2.0]], np.float32).tobytes())
    done: bytes = request.SerializeToString()
    return done


def health_at(channel: grpc.Channel, within_s: float = 30.0) -> str:
    response = messages()[f"{HEALTH}.HealthCheckResponse"]
    said = response.FromString(channel.unary_unary(f"/{HEALTH}.Health/Check")(b"", timeout=within_s))
    return str(response.ServingStatus.Name(said.status))


KSERVE = """
import asyncio, sys
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

async def main():
    client = InferenceGRPCClient(sys.argv[1])
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready("grpc_model")
    for raw in (True, False):
        data = InferInput("data", [1, 2], "FP32", data=None if raw else [1.0, 2.0])
        if raw:
            data.set_data_from_numpy(np.array([[1, 2]], np.float32), binary_data=True)
        answer = await client.infer(InferRequest(model_name="grpc_model", infer_inputs=[data], request_id="q"))
        assert answer.outputs[0].as_numpy().tolist() == [3.0], answer
        assert answer.id == "q"
    await client.close()

asyncio.run(main())
"""


def test_the_clients_of_triton_and_kserve_and_a_script_that_imports_one(served: Callable[..., Any]) -> None:
    server, place = served()
    server.wait_ready()
    with tritonclient.InferenceServerClient(place) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready(NAME)
        assert client.get_model_metadata(NAME, as_json=True)["inputs"][0]["shape"] == ["-1", "2"]
        assert client.infer(NAME, [tensor(tritonclient)], request_id="q").as_numpy("output-0").tolist() == [3.0]
        answers: list[Any] = []
        told = threading.Event()

        def take(result: Any, error: Any) -> None:
            answers.append(error or result)
            told.set()

        client.start_stream(take)
        client.async_stream_infer(NAME, [tensor(tritonclient)])
        assert told.wait(30)
        client.stop_stream()
        assert answers[0].as_numpy("output-0").tolist() == [3.0]

    async def infer() -> Any:
        async with tritonclient_aio.InferenceServerClient(place) as client:
            return await client.infer(NAME, [tensor(tritonclient_aio)])

    assert asyncio.run(infer()).as_numpy("output-0").tolist() == [3.0]
    if importlib.util.find_spec("kserve") is None:  # not imported here: it registers the names that tritonclient has
        pytest.skip("kserve is not installed")
    subprocess.run([sys.executable, "-W", "ignore", "-c", KSERVE, place], check=True, timeout=60)


def test_health_is_told_beside_a_run_that_goes_on(served: Callable[..., Any]) -> None:
    server, place = served("--scoring-timeout-ms", "600000")
    server.wait_ready()
    with grpc.insecure_channel(place) as channel:
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        for _ in range(100):
            infer(body_of(1.0), timeout=30)  # calls are short: the next one is run on the event loop's thread
        long = infer.future(body_of(-3.0), timeout=60)

        told = [health_at(channel) for _ in range(20)]

        assert not long.done()
        assert set(told) == {"SERVING"}
        assert long.result(60)


def test_before_init_has_returned_nothing_is_ready_and_calls_wait(served: Callable[..., Any], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    server, place = served(GATE=str(gate))
    with grpc.insecure_channel(place) as channel:
        grpc.channel_ready_future(channel).result(30)
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        early = infer.future(body_of(1.0), timeout=60)

        assert health_at(channel) == "NOT_SERVING"
        gate.touch()
        assert early.result(60)
        assert health_at(channel) == "SERVING"
    server.wait_ready()


def test_a_port_that_is_taken_is_said(served: Callable[..., Any]) -> None:
    server, place = served()
    server.wait_ready()
    other = subprocess.run(
        [Path(sys.executable).with_name("scoringhost"), "serve", SCRIPT, "--port", str(free_port()),
         "--host", "127.0.0.1", "--grpc-port", place.partition(":")[2]],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert other.returncode == 3
    assert "choose another with --grpc-port" in other.stderr


class Caller:
    """A client that calls without a pause until it is told that there is no server any more."""

    def __init__(self, place: str, met: collections.Counter[str]) -> None:
        self._place, self._met = place, met
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.stop = False
        self.thread.start()

    def _work(self) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self._place, options=options) as channel:
            infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
            while not self.stop:
                try:
                    infer(body_of(1.0), timeout=60)
                    self._met["answered"] += 1
                except grpc.RpcError as error:
                    details = str(error.details())
                    refused = "failed to connect" in details.lower() or "connection refused" in details.lower()
                    self._met["refused" if refused else f"{error.code()} {details}"] += 1
                    return


def test_sigterm_under_load_loses_no_call(served: Callable[..., Any]) -> None:
    server, place = served()
    server.wait_ready()
    met: collections.Counter[str] = collections.Counter()
    callers = [Caller(place, met) for _ in range(8)]
    wait = threading.Event()
    while met["answered"] < 100:
        wait.wait(0.01)

    server.signal()
    for caller in callers:
        caller.thread.join(60)

    assert server.exit_code() == 0
    assert set(met) == {"answered", "refused"}
    logged = len(server.log.matches(r"ModelInfer 200"))
    assert logged == met["answered"]


def test_a_worker_that_is_replaced_loses_no_call(served: Callable[..., Any]) -> None:
    server, place = served("--workers", "2")
    server.wait_ready(2)
    met: collections.Counter[str] = collections.Counter()
    callers = [Caller(place, met) for _ in range(8)]
    wait = threading.Event()
    while met["answered"] < 100:
        wait.wait(0.01)

    os.kill(server.workers[0], signal.SIGTERM)
    server.log.wait_for("is ready for requests", 3)
    before = met["answered"]
    while met["answered"] < before + 50 and any(caller.thread.is_alive() for caller in callers):
        wait.wait(0.01)
    for caller in callers:
        caller.stop = True
    for caller in callers:
        caller.thread.join(60)

    assert set(met) == {"answered"}
