"""The Open Inference Protocol over REST, through every door."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client
    from tests.conftest import Reply

Serve = Callable[..., "Client"]
Tensor = dict[str, Any]


def tensor(name: str, datatype: str, shape: list[int], data: Any, **parameters: Any) -> Tensor:
    found: Tensor = {"name": name, "datatype": datatype, "shape": shape, "data": data}
    return found | ({"parameters": parameters} if parameters else {})


def post(client: Client, model: str, body: Any, verb: str = "infer", headers: Any = ()) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.send("POST", f"/v2/models/{model}/{verb}", list(headers), data)


def infer(client: Client, model: str, *inputs: Tensor, **rest: Any) -> dict[str, Tensor]:
    """The outputs by name."""
    reply = post(client, model, {"inputs": list(inputs), **rest})
    assert reply.status == 200, reply.body
    return {one["name"]: one for one in reply.json()["outputs"]}


def refused(client: Client, model: str, *inputs: Tensor, **rest: Any) -> str:
    """Why a request is the caller's fault."""
    reply = post(client, model, {"inputs": list(inputs), **rest})
    assert (reply.status, list(reply.json())) == (400, ["error"]), reply.body
    found: str = reply.json()["error"]
    return found


ROWS = tensor("data", "FP32", [2, 4], [1, 2, 3, 4, 5, 6, 7, 8.5])


# -- what is said of the model ----------------------------------------------------------------------


def test_health_metadata_and_the_index_are_as_the_specification_has_them(serve: Serve) -> None:
    client = serve("v2_numbers.py")
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2").json() == client.get("/v2/").json()
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data", "generate"]
    for path in ("/v2/models/v2_numbers", "/v2/models/v2_numbers/versions/1.0"):
        assert client.get(path + "/ready").json() == {"name": "v2_numbers", "ready": True}
        said = client.get(path).json()
        assert (said["name"], said["versions"]) == ("v2_numbers", ["1.0"])
        content_type = {"content_type": "np"}
        assert said["inputs"] == [{"name": "data", "datatype": "FP32", "shape": [-1, 4], "parameters": content_type}]
        assert said["outputs"] == [{"name": "output-0", "datatype": "FP64", "shape": [-1], "parameters": content_type}]
    row = {"name": "v2_numbers", "version": "1.0", "state": "READY", "reason": ""}
    for body in (b"", b"{}", b'{"ready": true}'):
        assert client.send("POST", "/v2/repository/index", [], body).json() == [row]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/v2_numbers/versions/2", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("GET", "/v2/nothing", 404),
        ("POST", "/v2/health/live", 405),
        ("GET", "/v2/models/v2_numbers/infer", 405),
        ("POST", "/v2/repository/models/v2_numbers/unload", 400),
        ("POST", "/v2/repository/models/v2_numbers/versions/1.0/load", 400),
        ("POST", "/v2/repository/models/v2_numbers/versions/2/load", 404),
        ("POST", "/v2/repository/models/other/load", 404),
    ],
)
def test_every_error_is_an_object_with_error(serve: Serve, method: str, path: str, status: int) -> None:
    reply = serve("v2_numbers.py").send(method, path, [], b"")
    assert (reply.status, list(reply.json())) == (status, ["error"])
    assert (reply.header("Allow") is not None) == (status == 405)


def test_head_is_answered_where_get_is(serve: Serve) -> None:
    client = serve("v2_numbers.py")
    for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/v2_numbers"):
        reply = client.send("HEAD", path, [], b"")
        assert (reply.status, reply.body) == (200, b"")


# -- inference --------------------------------------------------------------------------------------


def test_an_answer_repeats_the_id_and_names_model_and_version(serve: Serve) -> None:
    client = serve("v2_numbers.py")
    reply = post(client, "v2_numbers", {"id": "mine", "inputs": [ROWS]})
    said = reply.json()
    assert (said["id"], said["model_name"], said["model_version"]) == ("mine", "v2_numbers", "1.0")
    assert said["outputs"][0] | {"parameters": None} == tensor("output-0", "FP64", [2], [10.0, 26.5]) | {
        "parameters": None
    }
    assert post(client, "v2_numbers", {"id": "", "inputs": [ROWS]}).json()["id"] == ""
    reply = post(client, "v2_numbers", {"inputs": [ROWS]})
    assert reply.json()["id"] == reply.header("x-request-id")


@pytest.mark.parametrize("kind", [None, "application/json", "application/octet-stream", "text/plain"])
def test_a_body_is_json_whatever_its_content_type_says(serve: Serve, kind: str | None) -> None:
    headers = [] if kind is None else [("Content-Type", kind)]
    assert post(serve("v2_numbers.py"), "v2_numbers/versions/1.0", {"inputs": [ROWS]}, headers=headers).status == 200


def test_data_may_be_nested_as_the_shape_is(serve: Serve) -> None:
    nested = tensor("data", "FP32", [2, 4], [[1, 2, 3, 4], [5, 6, 7, 8.5]])
    assert infer(serve("v2_numbers.py"), "v2_numbers", nested)["output-0"]["data"] == [10.0, 26.5]


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (tensor("data", "FP32", [1, 3], [1, 2, 3]), "shape (*, 4)"),
        (tensor("data", "FP32", [1, 4], [1, 2, 3]), "expected 4 elements"),
        (tensor("data", "FP32", [1, 4], ["1", "2", "3", "4"]), "data[0]"),
        (tensor("data", "FP32", [1, 4], [1, 2, 3, 1e40]), "data[3]"),
        (tensor("data", "INT8", [1, 4], [1, 2, 3, 300]), "INT8 (-128 to 127)"),
        (tensor("data", "INT64", [1, 4], [1, 2, 3, 1.5]), "a whole number"),
        (tensor("data", "UINT8", [1, 4], [1, 2, 3, -1]), "UINT8 (0 to 255)"),
        (tensor("data", "BYTES", [1, 4], ["a", "b", "c", "d"]), "got BYTES"),
        (tensor("data", "FP31", [1, 4], [1, 2, 3, 4]), "one of the datatypes"),
        (tensor("data", "FP32", [-1, 4], [1, 2, 3, 4]), "a shape"),
        (tensor("data", "FP32", [1, 4], [[1, 2], [3, 4]]), "nested as [2, 2]"),
        (tensor("other", "FP32", [1, 4], [1, 2, 3, 4]), "no input 'other'"),
        ({"name": "data", "datatype": "FP32", "shape": [1, 4]}, "expected data"),
    ],
)
def test_a_tensor_that_does_not_fit_is_a_400_that_names_it(serve: Serve, one: Tensor, word: str) -> None:
    message = refused(serve("v2_numbers.py"), "v2_numbers", one)
    assert one["name"] in message
    assert word in message


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"{", b'{"inputs": 1}', b'{"inputs": [1]}', b'{"inputs": []}'])
def test_a_body_that_is_no_request_is_a_400(serve: Serve, body: bytes) -> None:
    reply = post(serve("v2_numbers.py"), "v2_numbers", body)
    assert (reply.status, list(reply.json())) == (400, ["error"])


def test_an_input_that_is_given_twice_and_an_unknown_output_are_refused(serve: Serve) -> None:
    client = serve("v2_numbers.py")
    assert "several" in refused(client, "v2_numbers", ROWS, ROWS)
    assert "no output 'x'" in refused(client, "v2_numbers", ROWS, outputs=[{"name": "x"}])


def test_what_run_raises_is_a_500_with_its_type_and_message_and_no_traceback(serve: Serve) -> None:
    reply = post(serve("v2_numbers.py"), "v2_numbers", {"inputs": [tensor("data", "FP32", [1, 4], [7, 7, 7, 7])]})
    assert (reply.status, reply.json()) == (500, {"error": "run() raised ValueError: seven is not for me"})


def test_a_run_that_takes_http_requests_has_no_tensors(serve: Serve) -> None:
    client = serve("raw.py")
    assert client.get("/v2/models/raw").json()["inputs"] == []
    assert "@rawhttp" in refused(client, "raw", ROWS)


def test_an_undecorated_run_gets_json_text_and_its_result_is_json(serve: Serve) -> None:
    client = serve("text.py")
    name = client.get("/v2/models/text").json()["inputs"][0]["name"]
    output = infer(client, "text", tensor(name, "BYTES", [1], ['{"a": 1}']))["output-0"]
    assert (output["datatype"], output["parameters"]) == ("BYTES", {"content_type": "json"})
    assert json.loads(output["data"][0]) == {"type": "str", "text": '{"a": 1}'}
    assert "JSON" in refused(client, "text", tensor(name, "BYTES", [1], ["{"]))


NUMBERS = {name: np.arange(4).astype(kind).reshape(2, 2) for name, kind in {
    "UINT8": "u1", "UINT16": "u2", "UINT32": "u4", "UINT64": "u8", "INT8": "i1", "INT16": "i2", "INT32": "i4",
    "INT64": "i8", "FP16": "f2", "FP32": "f4", "FP64": "f8", "BOOL": "?",
}.items()}  # fmt: skip


@pytest.mark.parametrize("datatype", [*NUMBERS, "BYTES"])
def test_every_datatype_comes_back_as_it_went_in(serve: Serve, datatype: str) -> None:
    client = serve("v2_echo.py")
    data = ["grüße", "", "b", "c"] if datatype == "BYTES" else NUMBERS[datatype].reshape(-1).tolist()
    output = infer(client, "v2_echo", tensor("data", datatype, [2, 2], data))["output-0"]
    assert (output["datatype"], output["shape"], output["data"]) == (datatype, [2, 2], data)


def test_null_is_nan_both_ways(serve: Serve) -> None:
    output = infer(serve("v2_echo.py"), "v2_echo", tensor("data", "FP32", [2], [None, 1]))["output-0"]
    assert output["data"] == [None, 1.0]


def test_named_inputs_and_outputs_and_options_from_the_parameters(serve: Serve) -> None:
    client = serve("v2_pair.py")
    said = client.get("/v2/models/v2_pair").json()
    assert [one["name"] for one in said["inputs"]] == ["a", "b", "GlobalParameters"]
    assert {one["name"] for one in said["outputs"]} == {"total", "difference"}
    a, b = tensor("a", "INT64", [1, 2], [5, 6]), tensor("b", "INT32", [1, 2], [1, 2])
    outputs = infer(client, "v2_pair", a, b, parameters={"scale": 10})
    assert (outputs["total"]["data"], outputs["difference"]["data"]) == ([60, 80], [4, 4])
    only = infer(client, "v2_pair", b, a, outputs=[{"name": "difference"}])
    assert list(only) == ["difference"]
    assert "'b' is missing" in refused(client, "v2_pair", a)


def test_columns_of_a_frame_are_tensors(serve: Serve) -> None:
    client = serve("v2_columns.py")
    said = client.get("/v2/models/v2_columns").json()["inputs"]
    kinds = [(one["name"], one["datatype"]) for one in said]
    assert kinds == [("name", "BYTES"), ("age", "INT64"), ("height", "FP64"), ("seen", "BYTES")]
    columns = [
        tensor("name", "BYTES", [2, 1], ["Ada", "Bob"], content_type="str"),
        tensor("age", "INT64", [2], [36, 40]),
        tensor("height", "FP32", [2], [1.5, 2]),
        tensor("seen", "BYTES", [2], ["2024-01-01", "2025-02-03T04:05:06Z"]),
    ]
    outputs = infer(client, "v2_columns", *columns, parameters={"content_type": "pd"})
    assert outputs["label"]["data"] == ["Ada 2024", "Bob 2025"]
    assert outputs["next"]["data"] == [37, 41]
    assert "age" in refused(client, "v2_columns", *columns[:1], *columns[2:])
    assert "one input" in refused(client, "v2_columns", *columns, parameters={"content_type": "np"})


def test_scalars_dates_and_bytes_and_what_may_be_missing(serve: Serve) -> None:
    inputs = [
        tensor("when", "BYTES", [1], ["2026-01-02T03:04:05Z"], content_type="datetime"),
        tensor("blob", "BYTES", [1], [base64.b64encode(b"\xff\0").decode()]),
        tensor("ratio", "FP64", [1, 1], [3]),
    ]
    client = serve("v2_scalars.py")
    outputs = infer(client, "v2_scalars", *inputs)
    assert {name: one["data"] for name, one in outputs.items()} == {
        "year": [2026], "size": [2], "half": [1.5], "lines": ["none"],
    }  # fmt: skip
    given = infer(client, "v2_scalars", *inputs, tensor("lines", "BYTES", [2], ["a", "b"]))
    assert given["lines"]["data"] == ["a", "b"]
    assert "when" in refused(client, "v2_scalars", tensor("when", "BYTES", [1], ["soon"]), *inputs[1:])


# -- binary tensors ---------------------------------------------------------------------------------


def binary(*tensors: tuple[Tensor, bytes], **rest: Any) -> tuple[bytes, list[tuple[str, str]]]:
    """A body with the data of its tensors behind the JSON, and its headers."""
    inputs = [{**one, "parameters": {"binary_data_size": len(data)}} for one, data in tensors]
    head = json.dumps({"inputs": inputs, **rest}).encode()
    headers = [("Inference-Header-Content-Length", str(len(head))), ("Content-Type", "application/octet-stream")]
    return head + b"".join(data for _, data in tensors), headers


def unpacked(reply: Reply) -> dict[str, bytes]:
    """The bytes of the outputs by name."""
    length = int(reply.header("Inference-Header-Content-Length") or "")
    said, data, found = json.loads(reply.body[:length]), reply.body[length:], {}
    for one in said["outputs"]:
        size = one["parameters"]["binary_data_size"]
        found[one["name"]], data = data[:size], data[size:]
    assert data == b""
    return found


@pytest.mark.parametrize("datatype", [*NUMBERS, "BYTES"])
def test_every_datatype_comes_back_in_binary(serve: Serve, datatype: str) -> None:
    data = struct.pack("<I3sI", 3, b"\xff\0a", 0) if datatype == "BYTES" else NUMBERS[datatype].tobytes()
    one = {"name": "data", "datatype": datatype, "shape": [2] if datatype == "BYTES" else [2, 2]}
    body, headers = binary((one, data), parameters={"binary_data_output": True})
    if datatype == "BYTES":  # an array of anything takes text, and this is none
        body, headers = binary((one, struct.pack("<I2sI", 2, b"ab", 0)), parameters={"binary_data_output": True})
        data = struct.pack("<I2sI", 2, b"ab", 0)
    reply = post(serve("v2_echo.py"), "v2_echo", body, headers=headers)
    assert reply.status == 200, reply.body
    assert reply.header("Content-Type") == "application/octet-stream"
    assert unpacked(reply) == {"output-0": data}


def test_binary_and_json_may_be_mixed_and_asked_for_by_output(serve: Serve) -> None:
    client = serve("v2_pair.py")
    a = ({"name": "a", "datatype": "INT64", "shape": [1, 2]}, np.array([5, 6]).tobytes())
    outputs = [{"name": "total", "parameters": {"binary_data": True}}, {"name": "difference"}]
    head = {"inputs": [{**a[0], "parameters": {"binary_data_size": 16}}, tensor("b", "INT64", [1, 2], [1, 2])]}
    text = json.dumps(head | {"outputs": outputs}).encode()
    reply = post(client, "v2_pair", text + a[1], headers=[("Inference-Header-Content-Length", str(len(text)))])
    length = int(reply.header("inference-header-content-length") or "")
    said = json.loads(reply.body[:length])["outputs"]
    assert said[0]["parameters"]["binary_data_size"] == 16
    assert "data" not in said[0]
    assert said[1]["data"] == [4, 4]
    assert np.frombuffer(reply.body[length:], np.int64).tolist() == [6, 8]


def test_binary_data_that_are_not_as_said_are_a_400(serve: Serve) -> None:
    client = serve("v2_numbers.py")
    one = {"name": "data", "datatype": "FP32", "shape": [1, 4]}
    body, headers = binary((one, bytes(12)))
    assert "16 bytes" in post(client, "v2_numbers", body, headers=headers).json()["error"]
    body, headers = binary((one, bytes(16)))
    for wrong in (body + b"more", body[:-1]):
        assert post(client, "v2_numbers", wrong, headers=headers).status == 400
    for length in ("x", "-1", str(len(body) + 1)):
        reply = post(client, "v2_numbers", body, headers=[("Inference-Header-Content-Length", length)])
        assert (reply.status, list(reply.json())) == (400, ["error"])


def test_arrays_from_bytes_are_the_scripts_own(serve: Serve) -> None:
    one = {"name": "data", "datatype": "FP32", "shape": [1, 4]}
    body, headers = binary((one, np.array([1, 2, 3, 4], np.float32).tobytes()))
    reply = post(serve("v2_numbers.py"), "v2_numbers", body, headers=headers)
    assert reply.json()["outputs"][0]["data"] == [10.0]


# -- bodies -----------------------------------------------------------------------------------------


def test_packed_bodies_are_read_and_large_answers_packed_if_that_is_accepted(serve: Serve) -> None:
    client = serve("v2_numbers.py")
    rows = tensor("data", "FP32", [500, 4], [0.5] * 2000)
    body = json.dumps({"inputs": [rows]}).encode()
    for coding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress)):
        headers = [("Content-Encoding", coding), ("Accept-Encoding", coding)]
        reply = post(client, "v2_numbers", pack(body), headers=headers)
        assert reply.header("Content-Encoding") == coding
        said = json.loads(zlib.decompress(reply.body, 47))
        assert said["outputs"][0]["data"] == [2.0] * 500
    small = post(client, "v2_numbers", {"inputs": [ROWS]}, headers=[("Accept-Encoding", "gzip")])
    assert small.header("Content-Encoding") is None
    assert post(client, "v2_numbers", b"no gzip", headers=[("Content-Encoding", "gzip")]).status == 400
    assert post(client, "v2_numbers", b"", headers=[("Content-Encoding", "br")]).status == 415
    assert post(client, "v2_numbers", b"a,b", headers=[("Content-Type", "text/csv")]).status == 415


# -- streams ----------------------------------------------------------------------------------------


def events(reply: Reply) -> list[Any]:
    assert reply.header("Content-Type") == "text/event-stream"
    return [json.loads(event.removeprefix("data: ")) for event in reply.body.decode().split("\n\n")[:-1]]


def test_a_run_that_yields_is_streamed_as_events(serve: Serve) -> None:
    client = serve("v2_stream.py")
    prompt = tensor("prompt", "BYTES", [1], ["one two"])
    found = events(post(client, "v2_stream", {"id": "7", "inputs": [prompt]}, "infer_stream"))
    assert [(one["id"], one["outputs"][0]["data"]) for one in found] == [("7", ["one"]), ("7", ["two"])]
    assert infer(client, "v2_stream", prompt)["output-0"]["data"] == ["one", "two"]
    reply = post(client, "v2_stream", {"inputs": [tensor("prompt", "BYTES", [1], ["one bad"])]}, "infer_stream")
    assert events(reply)[1] == {"error": "run() raised ValueError: a bad word"}
    bad = post(client, "v2_stream", {"inputs": [tensor("prompt", "BYTES", [1], ["bad"])]}, "infer_stream")
    assert (bad.status, list(bad.json())) == (500, ["error"])


def test_generate_takes_plain_values(serve: Serve) -> None:
    client = serve("v2_stream.py")
    body = {"text_input": "one two", "parameters": {"temperature": 0}}
    assert post(client, "v2_stream", body, "generate").json()["text_output"] == "onetwo"
    assert [one["text_output"] for one in events(post(client, "v2_stream", body, "generate_stream"))] == ["one", "two"]
    by_name = post(client, "v2_stream", {"prompt": "a b"}, "generate").json()
    assert by_name["output-0"] == ["a", "b"]
    assert post(client, "v2_stream", {"nothing": 1}, "generate").status == 400
    assert post(serve("v2_numbers.py"), "v2_numbers", {"data": [[1, 2, 3, 4]]}, "generate").json()["output-0"] == 10.0


def test_one_that_does_not_yield_is_a_stream_of_one_event(serve: Serve) -> None:
    found = events(post(serve("v2_numbers.py"), "v2_numbers", {"inputs": [ROWS]}, "infer_stream"))
    assert [one["outputs"][0]["data"] for one in found] == [[10.0, 26.5]]


# -- documents and guards ---------------------------------------------------------------------------


def test_the_document_and_the_page_are_served_for_the_server_and_the_model(serve: Serve) -> None:
    client = serve("v2_pair.py")
    document = client.get("/v2/docs/dataplane.json").json()
    assert client.get("/v2/models/v2_pair/docs/dataplane.json").json() == document
    assert client.get("/v2/models/v2_pair/versions/1.0/docs/dataplane.json").json() == document
    request = document["components"]["schemas"]["InferenceRequest"]
    example = request["examples"][0]
    assert [one["name"] for one in example["inputs"]] == ["a", "b", "GlobalParameters"]
    assert post(client, "v2_pair", example).status == 200
    page = client.get("/v2/models/v2_pair/docs")
    assert (page.status, page.header("Content-Type")) == (200, "text/html; charset=utf-8")
    assert b"//" not in page.body.replace(b"http://", b"")
    assert client.get("/v2/models/other/docs").status == 404


def test_health_needs_no_key_and_all_else_does(serve: Serve) -> None:
    client = serve("v2_numbers.py", SCORINGHOST_PRIMARY_KEY="secret")
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/v2_numbers/ready"):
        assert client.get(path).status == 200
    for path in ("/v2", "/v2/models/v2_numbers", "/v2/docs/dataplane.json"):
        reply = client.get(path)
        assert (reply.status, list(reply.json())) == (401, ["error"])
        assert client.get(path, [("Authorization", "Bearer secret")]).status == 200
    assert post(client, "v2_numbers", {"inputs": [ROWS]}).status == 401


def test_the_protocol_can_be_switched_off_and_the_model_named(serve: Serve) -> None:
    assert serve("v2_numbers.py", SCORINGHOST_V2="false").get("/v2").status == 404
    client = serve("v2_numbers.py", SCORINGHOST_MODEL_NAME="wine", SERVICE_VERSION="7")
    assert client.get("/v2/models/wine/versions/7").json()["name"] == "wine"
