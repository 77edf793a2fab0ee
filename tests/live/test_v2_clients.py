"""Clients of others call a score.py over the Open Inference Protocol."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tritonclient.http
import tritonclient.http.aio

if TYPE_CHECKING:
    from tests.conftest import Served

SCRIPTS = Path(__file__).parents[1] / "conformance" / "scripts"
ROWS = np.arange(8, dtype=np.float32).reshape(2, 4)


@pytest.fixture(scope="module")
def numbers(start: Callable[..., Served]) -> Iterator[Served]:
    served = start(SCRIPTS / "v2_numbers.py").wait_ready()
    yield served
    served.kill()


@pytest.mark.parametrize("coding", [None, "gzip", "deflate"])
@pytest.mark.parametrize("answers_binary", [None, False, True])
@pytest.mark.parametrize("sends_binary", [False, True])
def test_tritonclient_infers(
    numbers: Served, sends_binary: bool, answers_binary: bool | None, coding: str | None
) -> None:
    client = tritonclient.http.InferenceServerClient(f"localhost:{numbers.port}")
    given = tritonclient.http.InferInput("data", [2, 4], "FP32")
    given.set_data_from_numpy(ROWS, binary_data=sends_binary)
    outputs = None
    if answers_binary is not None:
        outputs = [tritonclient.http.InferRequestedOutput("output-0", binary_data=answers_binary)]
    answer = client.infer(
        "v2_numbers", [given], request_id="mine", outputs=outputs,
        request_compression_algorithm=coding, response_compression_algorithm=coding,
    )  # fmt: skip
    assert answer.as_numpy("output-0").tolist() == [6.0, 22.0]
    assert answer.get_response()["id"] == "mine"
    client.close()


def test_tritonclient_reads_health_metadata_and_the_index(numbers: Served) -> None:
    client = tritonclient.http.InferenceServerClient(f"localhost:{numbers.port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("v2_numbers", "1.0")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["name"] == "scoringhost"
    assert client.get_model_metadata("v2_numbers")["inputs"][0]["shape"] == [-1, 4]
    assert client.get_model_repository_index()[0]["state"] == "READY"
    with pytest.raises(tritonclient.http.InferenceServerException, match="stays loaded"):
        client.unload_model("v2_numbers")
    client.close()


def test_the_client_for_asyncio_infers(numbers: Served) -> None:
    async def infer() -> Any:
        async with tritonclient.http.aio.InferenceServerClient(f"localhost:{numbers.port}") as client:
            given = tritonclient.http.aio.InferInput("data", [2, 4], "FP32")
            given.set_data_from_numpy(ROWS)
            return await client.infer("v2_numbers", [given])

    assert asyncio.run(infer()).as_numpy("output-0").tolist() == [6.0, 22.0]


def test_ten_megabytes_go_both_ways(start: Callable[..., Served]) -> None:
    served = start(SCRIPTS / "v2_echo.py").wait_ready()
    try:
        client = tritonclient.http.InferenceServerClient(f"localhost:{served.port}", network_timeout=120)
        sent = np.arange(2_500_000, dtype=np.float32)
        given = tritonclient.http.InferInput("data", [sent.size], "FP32")
        given.set_data_from_numpy(sent)
        assert np.array_equal(client.infer("v2_echo", [given]).as_numpy("output-0"), sent)
        client.close()
    finally:
        served.kill()


def test_requests_that_wait_are_joined_and_each_gets_its_own_outputs(start: Callable[..., Served]) -> None:
    served = start(SCRIPTS / "v2_pair.py", "--max-batch-size", "64").wait_ready()

    def infer(number: int) -> tuple[int, dict[str, list[int]]]:
        wanted = ["total", "difference"][number % 2]
        tensors = [
            {"name": name, "datatype": ["INT64", "INT32"][number % 2], "shape": [1, 2], "data": [number, value]}
            for name, value in (("a", 5), ("b", 3))
        ]
        body: dict[str, Any] = {"id": f"{number}", "inputs": tensors, "outputs": [{"name": wanted}]}
        if number % 5 == 4:
            body["inputs"] = tensors[:1]
        reply = served.ask("POST", "/v2/models/v2_pair/infer", body=json.dumps(body).encode())
        if number % 5 == 4:
            return reply.status, {}
        assert reply.json()["id"] == f"{number}"
        return reply.status, {one["name"]: one["data"] for one in reply.json()["outputs"]}

    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(infer, range(200)))
    finally:
        served.kill()
    for number, (status, outputs) in enumerate(answers):
        if number % 5 == 4:
            assert status == 400
        else:
            expected = {"difference": [0, 2]} if number % 2 else {"total": [2 * number, 8]}
            assert (status, outputs) == (200, expected)


SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="schemathesis is not installed; .ci/run installs it")
def test_whatever_is_sent_is_answered_as_the_document_says(numbers: Served, tmp_path: Path) -> None:
    """schemathesis sends what the document allows, and what it does not."""
    command = [
        str(SCHEMATHESIS), "run",
        f"http://127.0.0.1:{numbers.port}/v2/docs/dataplane.json", "--url", f"http://127.0.0.1:{numbers.port}",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--max-examples", "20", "--phases", "examples,coverage,fuzzing", "--seed", "1", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
