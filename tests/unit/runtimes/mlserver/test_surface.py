"""MLServer's types, codecs, decode_args, handlers and batching, as its manual's examples use them."""

from __future__ import annotations

import asyncio
import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from scoringhost.embedding import create_asgi_app
from scoringhost.runtimes import MLServerError, codecs, types
from tests.unit.runtimes.mlserver.conftest import Serve, tensor, texts

# -- types ------------------------------------------------------------------------------------------


def test_a_request_goes_to_json_and_back_in_the_words_of_both_pydantics() -> None:
    request = types.InferenceRequest(
        parameters=types.Parameters(content_type="np", mine=1),
        inputs=[types.RequestInput(name="a", shape=[2], datatype="FP32", data=[1.0, 2.0])],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert types.InferenceRequest(**json.loads(request.json())) == request
        assert types.InferenceRequest.parse_raw(request.json()) == request
        assert types.InferenceRequest.parse_obj(request.dict()) == request
        assert request.dict()["parameters"] == {"content_type": "np", "mine": 1}
        assert types.TensorData(__root__=[1]).__root__ == [1]


def test_an_array_that_came_is_a_list_once_somebody_asks() -> None:
    data = types.TensorData.of(np.array([[1, 2]]))
    assert data.array is not None
    assert (list(data), len(data), data[1], data.root) == ([1, 2], 2, 2, [1, 2])
    assert data.array is None  # the list may be changed from now on
    assert data == types.TensorData([1, 2])


# -- codecs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "value"),
    [
        (codecs.StringCodec, ["a", "ü"]),
        (codecs.Base64Codec, [b"\xff\x00"]),
        (codecs.DatetimeCodec, [datetime(2021, 8, 24, 15, 1, tzinfo=UTC)]),
    ],
)
@pytest.mark.parametrize("use_bytes", [True, False])
def test_each_codec_goes_both_ways_without_a_server(codec: Any, value: list[Any], use_bytes: bool) -> None:
    made = codec.encode_input("x", value, use_bytes=use_bytes)
    assert made.shape == [len(value), 1]
    assert codec.decode_input(made) == value
    assert codec.decode_output(codec.encode_output("x", value)) == value
    sent = types.RequestInput(**json.loads(made.json()))
    assert codec.decode_input(sent) == value


def test_numpys_codec_gives_a_vector_two_axes() -> None:
    output = codecs.NumpyCodec.encode_output("x", np.arange(3))
    assert output.shape == [3, 1]
    assert codecs.NumpyCodec.decode_output(output).tolist() == [[0], [1], [2]]


def test_a_frame_goes_both_ways() -> None:
    frame = pd.DataFrame({"a": [1, 2], "t": ["x", "y"]})
    request = codecs.PandasCodec.encode_request(frame, use_bytes=False)
    assert request.parameters.content_type == "pd"
    assert [one.shape for one in request.inputs] == [[2, 1], [2, 1]]
    pd.testing.assert_frame_equal(codecs.PandasCodec.decode_request(request), frame)
    response = codecs.PandasCodec.encode_response("m", frame, "v1")
    assert (response.model_name, response.model_version) == ("m", "v1")
    pd.testing.assert_frame_equal(codecs.PandasCodec.decode_response(response), frame)


@pytest.mark.parametrize("codec", [codecs.NumpyRequestCodec, codecs.StringRequestCodec])
def test_a_request_of_one_input_must_be_one(codec: Any) -> None:
    one = codecs.StringCodec.encode_input("a", ["x"])
    with pytest.raises(MLServerError, match="exactly one input"):
        codec.decode_request(types.InferenceRequest(inputs=[one, one]))


def test_a_tensor_whose_shape_its_data_do_not_have_is_refused() -> None:
    wrong = types.RequestInput(name="x", shape=[2, 4], datatype="FP32", data=[1, 2, 3])
    with pytest.raises(MLServerError, match="3 elements"):
        codecs.NumpyCodec.decode_input(wrong)


DECODES = """
class Model(MLModel):
    async def predict(self, payload):
        found = [self.decode(one, default_codec=StringCodec) for one in payload.inputs]
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("is", [repr(found)])])
"""


def test_the_content_type_of_an_input_beats_the_metadatas_and_that_the_default(serve_model: Serve) -> None:
    metadata = [{"name": "x", "datatype": "BYTES", "shape": [-1], "parameters": {"content_type": "base64"}}]
    with serve_model(DECODES, inputs=metadata) as model:
        assert model.data(texts("x", "aGk="))["is"] == ["[[b'hi']]"]
        assert model.data(texts("x", "aGk=", content_type="str"))["is"] == ["[['aGk=']]"]
        assert model.data(texts("y", "aGk="))["is"] == ["[['aGk=']]"]
        reply = model.infer(texts("x", "no base64!"))
        assert (reply.status, "base64 text" in reply.json()["error"]) == (400, True)


def test_a_request_is_a_frame_a_list_or_an_array_by_its_content_type(serve_model: Serve) -> None:
    source = """
class Model(MLModel):
    async def predict(self, payload):
        found = self.decode_request(payload, default_codec=PandasCodec)
        output = StringCodec.encode_output("is", [type(found).__name__])
        return InferenceResponse(model_name=self.name, outputs=[output])
"""
    two = tensor("a", "INT64", [1]), texts("b", "x", content_type="str")
    with serve_model(source) as model:
        assert model.data(*two)["is"] == ["DataFrame"]
        assert model.data(*two, parameters={"content_type": "pd"})["is"] == ["DataFrame"]
        assert model.data(two[0], parameters={"content_type": "np"})["is"] == ["ndarray"]
        assert model.data(two[1], parameters={"content_type": "str"})["is"] == ["list"]
        for content_type in ("np", "str"):
            reply = model.infer(*two, parameters={"content_type": content_type})
            assert (reply.status, "exactly one input" in reply.json()["error"]) == (400, True)


def test_a_codec_of_the_runtimes_own_is_asked_by_its_name(serve_model: Serve) -> None:
    source = """
@register_input_codec
class Reversed(InputCodec):
    ContentType = "reversed"

    @classmethod
    def decode_input(cls, request_input):
        return [text[::-1] for text in request_input.data]


@register_request_codec
class Names(RequestCodec):
    ContentType = "names"

    @classmethod
    def decode_request(cls, request):
        return [one.name for one in request.inputs]


class Model(MLModel):
    async def predict(self, payload):
        found = self.decode_request(payload) if payload.parameters.content_type else self.decode(payload.inputs[0])
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("is", found)])
"""
    with serve_model(source) as model:
        assert model.data(texts("x", "abc", content_type="reversed"))["is"] == ["cba"]
        assert model.data(texts("x", "abc"), texts("y", "d"), parameters={"content_type": "names"})["is"] == ["x", "y"]


# -- decode_args ------------------------------------------------------------------------------------

ARGUMENTS = """
class Model(MLModel):
    @decode_args
    async def predict(
        self, question: List[str], context: list[str], weight: Optional[np.ndarray] = None
    ) -> Tuple[np.ndarray, List[str]]:
        factor = 1 if weight is None else int(weight.ravel()[0])
        return np.array([len(q) * factor for q in question]), context
"""


def test_arguments_are_decoded_by_annotations_and_a_tuple_is_several_outputs(serve_model: Serve) -> None:
    with serve_model(ARGUMENTS) as model:
        both = texts("question", "abc"), texts("context", "c")
        assert model.data(*both) == {"output-0": [3], "output-1": ["c"]}
        assert model.data(*both, tensor("weight", "INT32", [2]))["output-0"] == [6]


def test_an_input_that_is_missing_or_unknown_is_named(serve_model: Serve) -> None:
    with serve_model(ARGUMENTS) as model:
        missing = model.infer(texts("question", "a"))
        assert (missing.status, "'context' is missing" in missing.json()["error"]) == (400, True)
        unknown = model.infer(texts("question", "a"), texts("context", "a"), texts("zzz", "a"))
        assert (unknown.status, "Input 'zzz' was not found" in unknown.json()["error"]) == (400, True)


def test_a_frame_takes_all_inputs_that_nothing_else_takes(serve_model: Serve) -> None:
    source = """
class Model(MLModel):
    @decode_args
    async def predict(self, scale: np.ndarray, table: pd.DataFrame) -> pd.DataFrame:
        return table * scale.item()
"""
    with serve_model(source) as model:
        inputs = tensor("scale", "INT64", [2]), tensor("a", "INT64", [1, 2]), tensor("b", "FP64", [0.5, 1.5])
        assert model.data(*inputs) == {"a": [2, 4], "b": [1.0, 3.0]}


def test_a_result_that_the_annotation_does_not_tell_of_is_the_models_fault(serve_model: Serve) -> None:
    source = """
class Model(MLModel):
    @decode_args
    async def predict(self, x: List[str]) -> np.ndarray:
        return "text"
"""
    with serve_model(source) as model:
        assert model.infer(texts("x", "a")).status == 500


# -- custom handlers --------------------------------------------------------------------------------


def test_a_custom_handler_answers_at_its_path(serve_model: Serve) -> None:
    source = """
from pydantic import BaseModel


class Order(BaseModel):
    item: str
    count: int = 1


class Model(MLModel):
    @custom_handler(rest_path="/raw")
    async def raw(self, request):
        return {"body": await request.json(), "who": request.headers["x-who"], "q": request.query_params["q"]}

    @custom_handler(rest_path="/order/{shop}", rest_method="PUT")
    async def order(self, shop: str, order: Order, express: bool = False) -> dict:
        return {"shop": shop, "order": order.model_dump(), "express": express, "name": self.name}

    @custom_handler(rest_path="/broken", rest_method="GET")
    def broken(self):
        raise MLServerError("not today", 422)

    @custom_handler(rest_path="/score")
    async def taken(self, request):
        return {}
"""
    with serve_model(source) as model:
        ask = model.client.request
        reply = ask("POST", "/raw?q=1", body={"a": 1}, headers={"X-Who": "me"})
        assert reply.json() == {"body": {"a": 1}, "who": "me", "q": "1"}
        reply = ask("PUT", "/order/corner?express=true", body={"item": "tea"})
        assert reply.json() == {"shop": "corner", "order": {"item": "tea", "count": 1}, "express": True, "name": "m"}
        assert (ask("PUT", "/order/corner", body={"count": 2}).status) == 400
        assert (ask("GET", "/broken").status, ask("GET", "/broken").json()) == (422, {"error": "not today"})
        assert ask("GET", "/raw").status == 405
        assert any("/score is answered by the host" in one for one in model.client.notices)


def test_a_custom_handler_is_guarded_as_score_is(serve_model: Serve) -> None:
    source = """
class Model(MLModel):
    @custom_handler(rest_path="/raw", rest_method="GET")
    def raw(self):
        return 1
"""
    with serve_model(source) as model:
        assert model.client.request("GET", "/raw").json() == 1
        folder = model.client.service.script.path.parent
    key = "0123456789abcdef0123456789abcdef"

    async def ask() -> list[int]:
        app = create_asgi_app(str(folder), primary_key=key)
        transport = httpx.ASGITransport(app)
        async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            without = await client.get("/raw")
            having = await client.get("/raw", headers={"Authorization": f"Bearer {key}"})
            return [without.status_code, having.status_code]

    assert asyncio.run(ask()) == [401, 200]


# -- batching ---------------------------------------------------------------------------------------

BATCHES = """
import threading

started, together = threading.Event(), []


class Model(MLModel):
    async def predict(self, payload):
        one = payload.inputs[0]
        together.append(one.shape[0])
        output = NumpyCodec.encode_output("x", self.decode(one, NumpyCodec))
        output.parameters = one.parameters
        return InferenceResponse(model_name=self.name, outputs=[output], id=payload.id)
"""


@pytest.mark.parametrize("waits", [False, True], ids=["plain", "async"])
def test_requests_are_joined_and_each_gets_its_own_rows_id_and_parameters(serve_model: Serve, waits: bool) -> None:
    source = BATCHES.replace("        one =", "        await asyncio.sleep(0.05)\n        one =") if waits else BATCHES
    with serve_model(source, max_batch_size=64, max_batch_time=0.05) as model, ThreadPoolExecutor(6) as threads:

        def ask(n: int) -> Any:
            rows = n % 3 + 1
            return model.infer(tensor("x", "INT64", [n] * 2 * rows, [rows, 2], tag=f"t{n}"), id=str(n)).json()

        for n, reply in enumerate(threads.map(ask, range(24))):
            (output,) = reply["outputs"]
            assert reply["id"] == str(n)
            assert output["data"] == [n] * 2 * (n % 3 + 1)
            assert output["parameters"]["tag"] == f"t{n}"


def test_batching_is_off_unless_both_of_its_settings_ask_for_it(serve_model: Serve) -> None:
    for settings in ({}, {"max_batch_size": 8}, {"max_batch_time": 0.1}, {"max_batch_size": 1, "max_batch_time": 0.1}):
        with serve_model(BATCHES, **settings) as model:
            assert not model.client.service.limits.batch.max_rows
