"""Microsoft's own client of the MLServer class publishes, consumes, batches, changes and deletes against a hub.

The client is in an environment of its own, with the older packages that it needs.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROGRAM, free_port
from tests.live.client_environments import python_with
from tests.live.hubs import HubProcess

CLIENT_VERSION = "1.0.1b6.post1"
CLIENT = Path(__file__).parent / "scripts" / "mlserver_class_client.py"
PASSWORD = "a password of carl's"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client_python() -> Path:
    """A Python that has the client."""
    packages = f"azureml-model-management-sdk=={CLIENT_VERSION}", "setuptools<81"
    return python_with(f"mlserver-class-{CLIENT_VERSION}", *packages)


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    """A hub that speaks the API, and the people who may log in to it."""
    hub = HubProcess()
    users = hub.place / "users"
    command = [str(PROGRAM), "hub", "add-user", "--users", str(users), "--role", "contributor", "carl"]
    subprocess.run(command, input=f"{PASSWORD}\n", text=True, check=True, timeout=60, capture_output=True)
    try:
        port = str(free_port())
        hub.start("--mlserver", "--mlserver-port", port, "--users", str(users))
        hub.mlserver_url = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
        yield hub
    finally:
        hub.remove()


@pytest.fixture(scope="module")
def seen(hub: HubProcess, client_python: Path) -> dict[str, Any]:
    """What the client has seen."""
    model = hub.place / "add.onnx"
    model.write_bytes(_adding())
    url = hub.mlserver_url  # type: ignore[attr-defined]
    command = [str(client_python), "-W", "ignore", str(CLIENT), url, "carl", PASSWORD, str(model)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _adding() -> bytes:
    """A graph that adds two columns."""
    from onnx import TensorProto, helper

    columns = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in ("a", "b", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["y"])], "add", columns[:2], columns[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return bytes(model.SerializeToString())


def test_functions_objects_models_and_files_go_and_come_back(seen: dict[str, Any]) -> None:
    assert seen["class"] == "DrillService"
    assert seen["answer"] == 122.0
    assert (seen["printed"], seen["error"]) == ("scoring me\n", "")
    assert seen["files"] == ["me", None]
    assert seen["swagger"] == {"title": "drill", "version": "v1", "description": "first"}


def test_all_types_go_both_ways(seen: dict[str, Any]) -> None:
    assert seen["frame"] == {"x": [1.0, 2.5], "a": ["p", "q"], "z": [2.0, 5.0]}
    assert seen["columns"] == ["x", "a", "z"]
    assert (seen["matrix"], seen["vector"]) == ([[2, 4], [6, 8]], [2, 3])
    assert seen["plain"] == [7, False, "t"]


def test_failures_are_said_and_leave_nothing(seen: dict[str, Any]) -> None:
    assert seen["wrong password"] == 401
    status, body = seen["raises"]
    assert (status, json.loads(body)["errorMessage"]) == (500, "ValueError: seven")
    status, body = seen["does not load"]
    assert (status, json.loads(body)["message"]) == (400, "RuntimeError: no model")
    assert seen["nothing is left"] == []
    assert seen["again"] == 409


def test_a_change_keeps_what_it_does_not_name(seen: dict[str, Any]) -> None:
    assert (seen["model stays"], seen["object changes"], seen["description"]) == (17.0, 27.0, "second")


def test_services_are_listed_by_their_age_and_deleted(seen: dict[str, Any]) -> None:
    assert seen["newest"] == "v0"
    assert seen["list"] == [["drill", "v1"], ["types", "v1"], ["failing", "v1"], ["drill", "v0"]]
    assert (seen["deleted"], seen["gone"], seen["guid"]) == (True, 404, 36)


def test_batches_run_to_their_end(seen: dict[str, Any]) -> None:
    assert seen["batch"] == ["Complete", 5, 5]
    assert seen["batch outputs"] == [2, 4, None, 8, 10]
    assert seen["batch error"] == "ValueError: three"
    assert seen["batch files"] == [["r.txt"], "2", []]
    assert (seen["batches"], seen["batch gone"]) == (True, 404)


def test_a_model_without_code_is_scored_by_its_columns(seen: dict[str, Any]) -> None:
    assert seen["realtime"] == {"y": [11.0, 22.0]}
    assert seen["no column"][0] == 400
    assert "'b' is missing" in seen["no column"][1]
    assert "revoscalepy" in seen["revoscale"][1]
    assert seen["realtime again"] == "again"


def test_another_skin_sees_calls_and_removes_what_was_published(hub: HubProcess, seen: dict[str, Any]) -> None:
    client = hub.client()
    assert {"drill", "doubling", "realtime"} <= {one["name"] for one in client.services()}
    assert client.version("doubling", "v1")["created_by"] == "carl"
    client.delete("types", wait_s=60)
    assert "types" not in {one["name"] for one in client.services()}
