"""Services as objects: how they are called, and what they give."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.azureml.common import HttpException
from scoringhost.azureml.deploy import DeployClient
from scoringhost.azureml.deploy.server import Service, ServiceResponse
from tests.unit.azureml.deploy.conftest import Told, described

RESULT = {
    "success": True, "errorMessage": "", "consoleOutput": "hello\n", "changedFiles": ["a.txt"],
    "outputFiles": {"a.txt": "Z3LDvG4=", "never.txt": None}, "outputParameters": {"answer": 3},
}  # fmt: skip


def _service(told: Told, client: DeployClient, **more: Any) -> Any:
    told.answers.pop("GET /services/my-svc", None)
    told.will_answer("GET /services/my-svc", [described(**more)])
    return client.get_service("my-svc")


def test_it_has_a_class_and_a_method_of_its_own(told: Told, client: DeployClient) -> None:
    told.will_answer("POST /api/my-svc/v1", RESULT)
    service = _service(told, client)
    assert type(service).__name__ == "MySvcService"
    assert isinstance(service, Service)
    assert str(service).startswith("<MySvcService>")
    assert list(inspect.signature(service.score).parameters) == ["x", "y"]
    assert "x: int" in str(service.score.__doc__)
    for answer in (service.score(1, 2), service.score(1, y=2.0), service.score(y=2, x=1)):
        assert answer.output("answer") == 3.0
        assert told.sent() == {"x": 1, "y": 2.0}


@pytest.mark.parametrize(
    ("name", "made"),
    [("my-svc", "MySvcService"), ("a.b_c", "ABCService"), ("1st", "Service1StService"), ("drill", "DrillService")],
)
def test_the_class_is_named_after_the_service(told: Told, client: DeployClient, name: str, made: str) -> None:
    assert type(_service(told, client, name=name)).__name__ == made


def test_inputs_may_have_the_names_of_anything(told: Told, client: DeployClient) -> None:
    told.will_answer("POST /api/my-svc/v1", RESULT)
    names = ["self", "service", "values", "named"]
    service = _service(told, client, inputParameterDefinitions=[{"name": one, "type": "integer"} for one in names])
    service.score(1, 2, values=3, named=4)
    assert told.sent() == {"self": 1, "service": 2, "values": 3, "named": 4}


def test_many_inputs_are_no_difficulty(told: Told, client: DeployClient) -> None:
    told.will_answer("POST /api/my-svc/v1", RESULT)
    inputs = [{"name": f"x{at}", "type": "integer"} for at in range(300)]
    service = _service(told, client, inputParameterDefinitions=inputs, operationId=None)
    service.consume(*range(300))
    assert told.sent()["x299"] == 299


@pytest.mark.parametrize(
    ("values", "named", "expected"),
    [
        ((1,), {}, "y"),
        ((1, 2, 3), {}, "too many"),
        ((1, 2), {"z": 3}, "z"),
        ((), {}, "x"),
    ],
)
def test_what_is_missing_or_too_much_is_a_type_error(
    told: Told, client: DeployClient, values: tuple[Any, ...], named: dict[str, Any], expected: str
) -> None:
    service, count = _service(told, client), len(told.asked)
    with pytest.raises(TypeError, match=expected) as caught:
        service.score(*values, **named)
    assert "score(x, y)" in str(caught.value)
    assert len(told.asked) == count


FRAME = pd.DataFrame({"b": [1, 2], "a": ["x", None]})


@pytest.mark.parametrize(
    ("wire", "value", "sent"),
    [
        ("integer", 3, 3),
        ("integer", np.int64(3), 3),
        ("integer", 3.0, 3),
        ("numeric", 3, 3.0),
        ("numeric", math.nan, None),
        ("numeric", np.array([2.5]), 2.5),
        ("character", "é", "é"),
        ("logical", np.bool_(True), True),
        ("vector", np.array([1, 2]), [1, 2]),
        ("vector", [1, 2], [1, 2]),
        ("vector", np.array([1.0, math.inf]), [1.0, None]),
        ("matrix", np.array([[1, 2]]), [[1, 2]]),
        ("data.frame", FRAME, {"b": [1, 2], "a": ["x", None]}),
        ("data.frame", {"b": [1]}, {"b": [1]}),
        ("integer", None, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_are_sent_as_their_types(told: Told, client: DeployClient, wire: str, value: Any, sent: Any) -> None:
    told.will_answer("POST /api/my-svc/v1", RESULT)
    _service(told, client, inputParameterDefinitions=[{"name": "x", "type": wire}]).score(value)
    assert told.sent() == {"x": sent}
    if isinstance(sent, dict):
        assert list(told.sent()["x"]) == list(sent)


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ("integer", 3.7), ("integer", "3"), ("integer", "three"), ("numeric", "3.5"), ("character", 3),
        ("logical", "no"), ("logical", 1), ("vector", "text"), ("vector", FRAME), ("vector", {"a": 1}), ("vector", 3),
        ("matrix", np.zeros((2, 2, 2))), ("data.frame", 3), ("data.frame", "text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_value_of_another_type_is_refused_by_name_before_it_is_sent(
    told: Told, client: DeployClient, wire: str, value: Any
) -> None:
    service = _service(told, client, inputParameterDefinitions=[{"name": "x", "type": wire}])
    with pytest.raises(ValueError, match="input 'x': "):
        service.score(value)
    assert told.asked[-1].method == "GET"


def test_outputs_come_as_their_types(told: Told, client: DeployClient) -> None:
    values = {
        "i": 3,
        "n": 2,
        "s": "t",
        "l": True,
        "v": [1, 2],
        "m": [[1, 2]],
        "f": {"b": [1], "a": ["x"]},
        "none": None,
    }
    wires = ["integer", "numeric", "character", "logical", "vector", "matrix", "data.frame", "data.frame"]
    outputs = [{"name": name, "type": wire} for name, wire in zip(values, wires, strict=True)]
    told.will_answer("POST /api/my-svc/v1", RESULT | {"outputParameters": values})
    service = _service(told, client, outputParameterDefinitions=[*outputs, {"name": "absent", "type": "integer"}])
    answer = service.score(1, 2)
    assert answer.raw_outputs == values
    assert [type(answer.output(name)) for name in "insl"] == [int, float, str, bool]
    assert type(answer.output("v")) is np.ndarray
    assert type(answer.output("m")) is np.matrix
    assert list(answer.output("f").columns) == ["b", "a"]
    assert answer.output("none") is answer.output("absent") is answer.output("nothing") is None
    assert set(answer.outputs) == {*values, "absent"}


def test_what_is_not_of_its_type_comes_as_it_was_sent(told: Told, client: DeployClient) -> None:
    told.will_answer("POST /api/my-svc/v1", RESULT | {"outputParameters": {"answer": ["a", "list"]}})
    assert _service(told, client).score(1, 2).output("answer") == ["a", "list"]


def test_files_and_text_come_along(told: Told, client: DeployClient) -> None:
    told.will_answer("POST /api/my-svc/v1", RESULT)
    answer = _service(told, client).score(1, 2)
    assert (answer.api, answer.error, answer.console_output) == ("/api/my-svc/v1", "", "hello\n")
    assert answer.artifacts == RESULT["outputFiles"]
    assert answer.artifact("a.txt") == "grün".encode()
    assert answer.artifact("a.txt", encoding="utf-8") == "grün"
    assert answer.artifact("a.txt", decode=False) == "Z3LDvG4="
    assert answer.artifact("never.txt") is answer.artifact("nobody's.txt") is None
    assert str(answer).startswith("<ServiceResponse>")
    with pytest.raises(ValueError, match=r"artifact 'a.txt'"):
        answer.artifact("a.txt", encoding="ascii")


def test_code_that_raises_is_an_http_exception_with_its_result(told: Told, client: DeployClient) -> None:
    failed = RESULT | {"success": False, "errorMessage": "ValueError: seven"}
    told.will_answer("POST /api/my-svc/v1", failed, status=500)
    with pytest.raises(HttpException, match="ValueError: seven") as caught:
        _service(told, client).score(1, 2)
    assert caught.value.status == 500


def test_it_says_what_it_is(told: Told, client: DeployClient) -> None:
    told.will_answer("GET /api/my-svc/v1/swagger.json", {"swagger": "2.0"})
    service = _service(told, client)
    assert service.swagger() == '{"swagger": "2.0"}'
    assert service.capabilities() == {
        "api": "/api/my-svc/v1", "name": "my-svc", "version": "v1", "published_by": "carl", "runtime": "Python",
        "description": "adds", "creation_time": "2017-09-20T19:35:18.056", "snapshot_id": "5",
        "inputs": [{"name": "x", "type": "integer"}, {"name": "y", "type": "numeric"}],
        "outputs": [{"name": "answer", "type": "numeric"}],
        "inputs_encoded": [{"name": "x", "type": "int"}, {"name": "y", "type": "float"}],
        "outputs_encoded": [{"name": "answer", "type": "float"}], "artifacts": ["a.txt"], "operation_id": "score",
        "swagger": "http://server/api/my-svc/v1/swagger.json",
        "public-functions": {
            "score": "score(x, y)", "capabilities": "capabilities()", "swagger": "swagger()",
            "batch": "batch(records, parallel_count=10)", "get_batch": "get_batch(execution_id)",
            "list_batch_executions": "list_batch_executions()",
        },
    }  # fmt: skip


def test_a_response_of_a_server_that_leaves_things_out_is_empty() -> None:
    answer = ServiceResponse("/api/s/1", {"errorMessage": None}, [{"name": "y", "type": "integer"}])
    assert (answer.error, answer.console_output, answer.artifacts, answer.raw_outputs) == ("", "", {}, {})
    assert answer.outputs == {"y": None}
