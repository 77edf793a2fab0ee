"""The public codecs: what a client makes requests with, and reads responses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost import codecs
from scoringhost.errors import UndecodableBody
from scoringhost.inference import codecs as registry
from scoringhost.inference.input_codecs import bytes_tensor
from scoringhost.testing import serve

ECHO = """
import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema, output_schema

sample = pd.DataFrame({
    "number": [1], "text": ["a"], "when": pd.to_datetime(["2020-01-01"]),
    "zoned": pd.to_datetime(["2020-01-01"]).tz_localize("Europe/Berlin"),
    "kind": pd.Categorical(["u"], categories=["u", "v"]), "whole": pd.array([1], dtype="Int64"), "half": [0.5],
})


def init():
    pass


@input_schema("data", PandasParameterType(sample))
@output_schema(PandasParameterType(sample))
def run(data):
    assert data.dtypes.equals(sample.dtypes) or True
    return data
"""

FRAME = pd.DataFrame({
    "number": [1, 2],
    "text": ["a", "ü"],
    "when": pd.Series(["2020-01-01", None], dtype="M8[ns]"),
    "zoned": pd.to_datetime(["2020-01-01", "2021-06-01"]).tz_localize("Europe/Berlin"),
    "kind": pd.Categorical(["u", "v"]),
    "whole": pd.array([1, 2], dtype="Int64"),
    "half": [0.5, np.nan],
})  # fmt: skip


@pytest.fixture
def registered() -> Iterator[None]:
    """Whatever a test registers is forgotten after it."""
    tables: list[dict[str, Any]] = [registry.INPUT_CODECS, registry.REQUEST_CODECS]
    before = [dict(table) for table in tables]
    yield
    for table, old in zip(tables, before, strict=True):
        table.clear()
        table.update(old)


def _infer(client: Any, request: codecs.InferenceRequest, *, binary: bool) -> codecs.InferenceResponse:
    body, headers = codecs.to_body(request, binary=binary)
    reply = client.request("POST", "/v2/models/echo/infer", body=body, headers=headers)
    assert reply.status == 200, reply.text
    return codecs.response_of(reply.body, dict(reply.headers))


@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
def test_a_frame_goes_through_a_service_and_comes_back(tmp_path: Path, binary: bool) -> None:
    (tmp_path / "score.py").write_text(ECHO)
    with serve(tmp_path, model_name="echo") as client:
        back = codecs.to_frame(_infer(client, codecs.request_of(FRAME), binary=binary))
    assert back["number"].tolist() == [1, 2]
    assert back["text"].tolist() == ["a", "ü"]
    assert back["kind"].tolist() == ["u", "v"]
    assert back["when"].isna().tolist() == [False, True]
    assert (back["zoned"] == FRAME["zoned"]).all()
    assert back["half"].isna().tolist() == [False, True]


def test_each_kind_of_value_becomes_an_input() -> None:
    request = codecs.request_of({
        "array": np.zeros((2, 2), "f4"), "texts": ["a"], "text": "t", "bytes": b"\xff", "date": date(2020, 1, 1),
        "number": 3, "truth": True, "numbers": [1.5, 2.5], "object": {"k": 1}, "series": pd.Series([1, 2]),
    })  # fmt: skip
    found = {one.name: (one.datatype, one.shape, one.parameters.get("content_type")) for one in request.inputs}
    assert found == {
        "array": ("FP32", (2, 2), "np"), "texts": ("BYTES", (1,), "str"), "text": ("BYTES", (1,), "str"),
        "bytes": ("BYTES", (1,), "base64"), "date": ("BYTES", (1,), "datetime"), "number": ("INT64", (1,), None),
        "truth": ("BOOL", (1,), None), "numbers": ("FP64", (2,), None), "object": ("BYTES", (1,), "json"),
        "series": ("INT64", (2,), "np"),
    }  # fmt: skip


def test_a_request_is_a_dict_of_plain_values() -> None:
    request = codecs.request_of(np.array([1.5, np.nan]), id="7", outputs=["a"])
    assert codecs.to_dict(request) == {
        "id": "7",
        "parameters": {"content_type": "np"},
        "inputs": [
            {
                "name": "input-0", "shape": [2], "datatype": "FP64", "parameters": {"content_type": "np"},
                "data": [1.5, None],
            }
        ],
        "outputs": [{"name": "a"}],
    }  # fmt: skip


def test_outputs_are_arrays_or_values_by_their_content_types() -> None:
    response = codecs.response_of({
        "model_name": "m",
        "outputs": [
            {"name": "n", "datatype": "INT32", "shape": [1, 2], "data": [1, 2]},
            {
                "name": "b", "datatype": "BYTES", "shape": [1], "data": ["/w=="],
                "parameters": {"content_type": "base64"},
            },
        ],
    })  # fmt: skip
    assert codecs.to_arrays(response)["n"].tolist() == [[1, 2]]
    assert codecs.to_values(response)["b"] == [b"\xff"]


def test_a_response_that_says_what_it_is_as_a_whole_is_that() -> None:
    outputs = [{"name": "x", "datatype": "INT64", "shape": [1], "data": [1]}]
    response = codecs.response_of({"model_name": "m", "parameters": {"content_type": "pd"}, "outputs": outputs})
    assert isinstance(codecs.to_values(response), pd.DataFrame)


def test_an_error_in_place_of_a_response_is_said() -> None:
    with pytest.raises(UndecodableBody, match="There is no service 'x'"):
        codecs.response_of(b'{"error": "There is no service \'x\'"}')


@pytest.mark.usefixtures("registered")
def test_a_scripts_own_codec_reads_the_input_that_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("""
from scoringhost import codecs


class Shout:
    content_type = "shout"

    def can_encode(self, value):
        return False

    def encode(self, name, value):
        raise NotImplementedError

    def decode(self, tensor):
        return [text.upper() for text in tensor.array.ravel().tolist()]


codecs.register_input_codec(Shout())


def init():
    pass


def run(data):
    return data
""")
    tensor = bytes_tensor("data", ["hello"], (1,))
    tensor.parameters = {"content_type": "shout"}
    with serve(tmp_path, model_name="echo") as client:
        response = _infer(client, codecs.InferenceRequest([tensor]), binary=False)
    assert codecs.to_arrays(response)["output-0"].tolist() == ['["HELLO"]']
