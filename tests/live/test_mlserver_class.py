"""Clients of the MLServer class publish, consume, batch, change and delete against a hub: Microsoft's own, and ours.

Both run the same program, which has `scoringhost.` before its imports of azureml for ours. Microsoft's client is in an
environment of its own, with the older packages that it needs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.client_environments import python_with
from tests.live.hubs import HubProcess

CLIENT_VERSION = "1.0.1b6.post1"
CLIENT = Path(__file__).parent / "scripts" / "mlserver_class_client.py"
PASSWORD = "a password of carl's"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["microsoft's", "ours"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the program with a client."""
    if request.param == "ours":
        program = tmp_path_factory.mktemp("ours") / "client.py"
        program.write_text(re.sub(r"(?m)^(from|import) azureml\b", r"\1 scoringhost.azureml", CLIENT.read_text()))
        return [sys.executable, str(program)]
    packages = f"azureml-model-management-sdk=={CLIENT_VERSION}", "setuptools<81"
    return [str(python_with(f"mlserver-class-{CLIENT_VERSION}", *packages)), "-W", "ignore", str(CLIENT)]


@pytest.fixture(scope="module")
def hub(client: list[str]) -> Iterator[HubProcess]:
    """A hub of its own for each client, and the people who may log in to it."""
    hub = HubProcess()
    try:
        hub.mlserver_url = hub.start_mlserver("carl", PASSWORD)  # type: ignore[attr-defined]
        yield hub
    finally:
        hub.remove()


@pytest.fixture(scope="module")
def seen(hub: HubProcess, client: list[str]) -> dict[str, Any]:
    """What the client has seen."""
    model = hub.place / "add.onnx"
    model.write_bytes(_adding())
    url = hub.mlserver_url  # type: ignore[attr-defined]
    command = [*client, url, "carl", PASSWORD, str(model)]
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
    other = hub.client()
    assert {"drill", "doubling", "realtime"} <= {one["name"] for one in other.services()}
    assert other.version("doubling", "v1")["created_by"] == "carl"
    other.delete("types", wait_s=60)
    assert "types" not in {one["name"] for one in other.services()}
