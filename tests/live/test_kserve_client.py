"""KServe's Python clients call a score.py, over REST and over gRPC.

kserve is in an environment of its own: it wants pandas before 3, and its messages cannot be in one process with those
of tritonclient.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.client_environments import python_with

if TYPE_CHECKING:
    from tests.conftest import Served

KSERVE = "0.21.0"
CLIENT = Path(__file__).parent / "scripts" / "kserve_client.py"
SCRIPT = Path(__file__).parents[1] / "conformance" / "scripts" / "v2_numbers.py"
WRONG_SHAPE = "input 'data': expected an array of shape (*, 4) of float32, got shape (2, 3)"


@pytest.fixture(scope="module")
def kserve_python() -> Path:
    """A Python that has kserve."""
    return python_with(f"kserve-{KSERVE}", f"kserve=={KSERVE}")


@pytest.fixture(scope="module")
def seen(start: Callable[..., Served], port_of_nobody: Callable[[], int], kserve_python: Path) -> dict[str, Any]:
    """What KServe's clients have seen of the server, by protocol."""
    grpc_port = port_of_nobody()
    served = start(SCRIPT, "--grpc-port", str(grpc_port)).wait_ready()
    try:
        command = [str(kserve_python), str(CLIENT), str(served.port), str(grpc_port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    finally:
        served.kill()
    assert done.returncode == 0, done.stderr[-4000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_health_and_readiness_are_read(seen: dict[str, Any], protocol: str) -> None:
    found = seen[protocol]
    assert (found["live"], found["ready"], found["model"]) == (True, True, True)


def test_a_model_of_another_name_is_not_ready(seen: dict[str, Any]) -> None:
    assert seen["rest"]["other"] is False


@pytest.mark.parametrize("asked", [None, False, True])
@pytest.mark.parametrize("sent", [False, True])
def test_the_client_of_rest_infers_in_json_and_binary(seen: dict[str, Any], sent: bool, asked: bool | None) -> None:
    answer = seen["rest"][f"sent binary: {sent}, asked binary: {asked}"]
    assert answer == ["v2_numbers", "mine", [6.0, 22.0], bool(asked)]


@pytest.mark.parametrize("contents", ["typed", "raw"])
def test_the_client_of_grpc_infers_with_typed_and_raw_contents(seen: dict[str, Any], contents: str) -> None:
    assert seen["grpc"][contents] == ["v2_numbers", "mine", [6.0, 22.0]]


def test_a_request_that_does_not_fit_is_the_callers_fault(seen: dict[str, Any]) -> None:
    assert seen["rest"]["refused"] == [400, WRONG_SHAPE]
    assert seen["grpc"]["refused"] == ["INVALID_ARGUMENT", WRONG_SHAPE]


def test_a_script_that_raises_is_an_error_with_its_message(seen: dict[str, Any]) -> None:
    status, message = seen["rest"]["failed"]
    assert status == 500
    assert "seven is not for me" in message
