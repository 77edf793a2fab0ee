"""What a worker takes for large requests: it does not grow with their number."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

SCRIPTS = Path(__file__).parent / "scripts"
REQUESTS = 150
MORE_MB = 100
"""What a worker may take beyond what it took when it was ready; each request has 1 MB, and a handful are held."""

ARRAY = b'{"values": [%s]}' % b",".join([b"1.23456789"] * 90_000)
NOISE = os.urandom(1_000_000)
FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n%s\r\n--x--\r\n' % NOISE


def rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


# BUG: of a request that was scored by another thread than the event loop's everything, with its body, stayed until the
# next garbage collection: 600 MB after some seconds of requests of 1 MB.
@pytest.mark.parametrize(
    ("script", "headers", "body"),
    [
        ("arrays.py", {"Content-Type": "application/json"}, ARRAY),
        ("arrays.py", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, gzip.compress(ARRAY, 1)),
        ("arrays.py", {"Content-Type": "application/json"}, b'{"values": "%s"}' % NOISE.hex().encode()),
        ("any_size.py", {"Content-Type": "application/octet-stream"}, NOISE),
        ("any_size.py", {"Content-Type": "multipart/form-data; boundary=x"}, FORM),
        ("any_size.py", {"Content-Type": "text/plain"}, b"large"),
    ],
    ids=["arrays", "packed", "refused", "bytes", "form", "results"],
)
def test_the_memory_of_a_worker_does_not_grow_with_the_number_of_large_requests(
    start: Callable[..., Served], script: str, headers: dict[str, str], body: bytes
) -> None:
    served = start(SCRIPTS / script).wait_ready()
    worker = served.workers[-1]
    before_mb = rss_mb(worker)
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    for _ in range(REQUESTS):
        connection.request("POST", "/score", body, headers)
        connection.getresponse().read()
    connection.close()
    assert rss_mb(worker) - before_mb < MORE_MB


TENSOR_MB = 100


def most_mb(pid: int) -> float:
    """The most that the process ever had resident."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


# BUG: 3.67 to 4 times the tensor, since the pieces of the body were kept until the whole was put together of them; and
# one or two tensors were still there afterwards, as the scoring thread held its last job until the next one came.
def test_a_large_tensor_costs_three_copies_at_its_peak_and_none_afterwards(start: Callable[..., Served]) -> None:
    served = start(SCRIPTS.parents[1] / "conformance" / "scripts" / "v2_echo.py", "--max-body-mb", "120").wait_ready()
    worker = served.workers[-1]
    size = TENSOR_MB * 1_000_000
    tensor = {"name": "data", "datatype": "FP32", "parameters": {"binary_data_size": size}, "shape": [size // 4]}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    small = json.dumps({"inputs": [{"name": "data", "datatype": "FP32", "shape": [1], "data": [1]}]}).encode()
    path = "/v2/models/v2_echo/infer"
    assert served.ask("POST", path, body=small).status == 200
    before_mb = rss_mb(worker)
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=120)
    for _ in range(3):
        connection.request("POST", path, head + bytes(size), {"Inference-Header-Content-Length": str(len(head))})
        answer = connection.getresponse()
        assert (answer.status, len(answer.read()) > size) == (200, True)
    # the three copies, and room for what is read at a time
    assert most_mb(worker) - before_mb < 3 * TENSOR_MB + 25
    deadline = time.monotonic() + 30
    while rss_mb(worker) - before_mb > 0.5 * TENSOR_MB and time.monotonic() < deadline:
        time.sleep(0.05)
    assert rss_mb(worker) - before_mb < 0.5 * TENSOR_MB
    connection.close()
