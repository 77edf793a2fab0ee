"""A runtime that was written for MLServer, served here."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from scoringhost.errors import InitFailed, ScriptImportFailed, ScriptUnservable
from scoringhost.kernel.service import State
from scoringhost.testing import serve
from tests.unit.runtimes.mlserver.conftest import Serve, tensor, texts

ECHO = """
class Model(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        outputs = [types.ResponseOutput(**one.model_dump()) for one in payload.inputs]
        return InferenceResponse(model_name=self.name, outputs=outputs)
"""
ADDS = """
class Model(MLModel):
    @decode_args
    async def predict(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a + b
"""


def test_a_runtime_answers(serve_model: Serve) -> None:
    with serve_model(ECHO, parameters={"version": "v1"}) as model:
        reply = model.infer(tensor("x", "FP32", [1.5, 2.5]), texts("t", "ü"), id="abc")
        assert reply.json() == {
            "model_name": "m", "model_version": "v1", "id": "abc",
            "outputs": [
                {"name": "x", "datatype": "FP32", "shape": [2], "data": [1.5, 2.5]},
                {"name": "t", "datatype": "BYTES", "shape": [1], "data": ["ü"]},
            ],
        }  # fmt: skip


@pytest.mark.parametrize("version", ["", "/versions/v1"])
def test_it_is_found_with_and_without_its_version(serve_model: Serve, version: str) -> None:
    with serve_model(ECHO, parameters={"version": "v1"}) as model:
        assert model.client.request("GET", f"/v2/models/m{version}/ready").status == 200
        assert model.client.request("GET", "/v2/models/m/versions/v2/ready").status == 404


def test_its_settings_and_metadata_are_there(serve_model: Serve) -> None:
    source = """
class Model(MLModel):
    async def load(self):
        assert self.settings.parameters.extra == {"depth": 3}
        assert self.settings.parameters.format == "onnx"
        assert self.settings.parameters.anything == 1
        self.outputs = [types.MetadataTensor(name="y", datatype="FP64", shape=[-1])]
        return True
"""
    inputs = [{"name": "x", "datatype": "BYTES", "shape": [-1], "parameters": {"content_type": "str"}}]
    parameters = {"extra": {"depth": 3}, "format": "onnx", "content_type": "pd", "anything": 1}
    with serve_model(source, inputs=inputs, platform="mine", versions=["a/1"], parameters=parameters) as model:
        assert model.metadata == {
            "name": "m", "versions": ["a/1"], "platform": "mine", "inputs": inputs,
            "outputs": [{"name": "y", "datatype": "FP64", "shape": [-1]}], "parameters": {"content_type": "pd"},
        }  # fmt: skip


def test_the_uri_is_relative_to_the_settings_and_the_folder_without_one(serve_model: Serve, tmp_path: Path) -> None:
    source = """
from mlserver.utils import get_model_uri


class Model(MLModel):
    async def load(self):
        self.place = await get_model_uri(self._settings, wellknown_filenames=["weights.txt"])
        return True

    @decode_args
    async def predict(self, x: List[str]) -> List[str]:
        return [self.place]
"""
    (tmp_path / "model_folder").mkdir()
    weights = tmp_path / "model_folder" / "weights.txt"
    weights.write_text("1")
    for parameters in ({}, {"uri": "./weights.txt"}, {"uri": str(weights)}):
        with serve_model(source, parameters=parameters) as model:
            (place,) = model.data(texts("x", "a"))["output-0"]
            assert Path(place).resolve() == weights


def test_load_that_returns_false_leaves_it_unready_and_says_why(serve_model: Serve) -> None:
    with serve_model("class Model(MLModel):\n    async def load(self):\n        return False\n") as model:
        ready = model.client.request("GET", "/v2/models/m/ready")
        assert (ready.status, ready.json()["error"]) == (503, "load() has returned False")
        assert model.client.request("GET", "/readyz").status == 503
        assert model.client.request("GET", "/livez").status == 200
        reply = model.infer(texts("x", "a"))
        assert (reply.status, reply.json()["error"]) == (503, "load() has returned False")
        (entry,) = model.client.request("POST", "/v2/repository/index").json()
        assert (entry["state"], entry["reason"]) == ("UNAVAILABLE", "load() has returned False")
        assert model.client.service.state is State.LOADED


def test_load_that_raises_ends_the_start(serve_model: Serve) -> None:
    source = "class Model(MLModel):\n    async def load(self):\n        raise OSError('no weights')\n"
    with pytest.raises(InitFailed, match="OSError"), serve_model(source):
        pass


def test_it_is_unloaded_at_the_end(serve_model: Serve, tmp_path: Path) -> None:
    source = f"""
class Model(MLModel):
    async def unload(self):
        await asyncio.sleep(0)
        open({str(tmp_path / "gone")!r}, "w").close()
        return True
"""
    with serve_model(source):
        pass
    assert (tmp_path / "gone").exists()


@pytest.mark.parametrize(
    ("raised", "status", "message"),
    [
        ("MLServerError('bad input')", 400, "bad input"),
        ("MLServerError('which?', 404)", 404, "which?"),
        ("MLServerError('not so', 422)", 422, "not so"),
        ("MLServerError('my fault', 500)", 500, "my fault"),
        ("ValueError('unhappy')", 500, "run() raised ValueError: unhappy"),
    ],
)
def test_an_error_has_its_status(serve_model: Serve, raised: str, status: int, message: str) -> None:
    source = f"class Model(MLModel):\n    async def predict(self, payload):\n        raise {raised}\n"
    with serve_model(source) as model:
        reply = model.infer(texts("x", "a"))
        assert (reply.status, reply.json()) == (status, {"error": message})


def test_what_is_no_response_is_the_models_fault(serve_model: Serve) -> None:
    source = "class Model(MLModel):\n    async def predict(self, payload):\n        return {'x': 1}\n"
    with serve_model(source) as model:
        reply = model.infer(texts("x", "a"))
        assert reply.status == 500
        assert "predict() has returned a dict, and no InferenceResponse" in reply.json()["error"]


def test_a_predict_that_is_no_coroutine_will_do(serve_model: Serve) -> None:
    with serve_model(ECHO.replace("async def predict", "def predict")) as model:
        assert model.data(tensor("x", "INT64", [1])) == {"x": [1]}


def test_a_predict_that_waits_has_its_load_on_the_same_loop_and_many_requests_at_once(serve_model: Serve) -> None:
    source = """
class Model(MLModel):
    async def load(self):
        self.loop, self.waiting = asyncio.get_running_loop(), 0
        self.all_here = asyncio.Event()
        return True

    async def predict(self, payload):
        assert asyncio.get_running_loop() is self.loop
        self.waiting += 1
        if self.waiting == 3:
            self.all_here.set()
        await self.all_here.wait()
        return InferenceResponse(model_name=self.name, outputs=[])
"""
    with serve_model(source) as model, ThreadPoolExecutor(3) as threads:
        replies = list(threads.map(lambda _: model.infer(texts("x", "a")), range(3)))
        assert [reply.status for reply in replies] == [200] * 3


def test_a_predict_that_never_waits_is_a_plain_run(serve_model: Serve) -> None:
    with serve_model(ADDS) as model:
        assert not model.client.service.signature.is_async
    with serve_model(ADDS.replace("return a + b", "await asyncio.sleep(0); return a + b")) as model:
        assert model.client.service.signature.is_async


def test_a_run_that_takes_too_long_is_a_504(serve_model: Serve) -> None:
    source = "class Model(MLModel):\n    async def predict(self, payload):\n        await asyncio.sleep(60)\n"
    with serve_model(source, host={"scoring_timeout_ms": 100}) as model:
        assert model.infer(texts("x", "a")).status == 504


def test_the_headers_of_the_call_are_in_its_parameters_and_not_the_callers_own(serve_model: Serve) -> None:
    source = """
class Model(MLModel):
    async def predict(self, payload):
        headers = payload.parameters.headers
        outputs = [StringCodec.encode_output("seen", [headers["x-who"], str("evil" in headers)])]
        answer = types.Parameters(headers={"X-Answer": "42", "Content-Length": "1"}, kept=1)
        return InferenceResponse(model_name=self.name, outputs=outputs, parameters=answer)
"""
    with serve_model(source) as model:
        reply = model.infer(texts("x", "a"), headers={"X-Who": "me"}, parameters={"headers": {"evil": "1"}})
        assert reply.json()["outputs"][0]["data"] == ["me", "False"]
        assert dict(reply.headers)["X-Answer"] == "42"
        assert dict(reply.headers).get("Content-Length", "") != "1"
        assert reply.json()["parameters"] == {"kept": 1}


def test_only_the_outputs_that_are_asked_for_are_sent(serve_model: Serve) -> None:
    with serve_model(ECHO) as model:
        inputs = [tensor("a", "INT64", [1]), tensor("b", "INT64", [2])]
        assert model.data(*inputs, outputs=[{"name": "b"}]) == {"b": [2]}


def test_an_input_that_comes_twice_is_refused(serve_model: Serve) -> None:
    with serve_model(ECHO) as model:
        assert model.infer(tensor("a", "INT64", [1]), tensor("a", "INT64", [2])).status == 400


STREAMS = """
class Model(MLModel):
    async def predict(self, payload):
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("word", ["whole"])])

    async def predict_stream(self, payloads):
        async for payload in payloads:
            for word in self.decode(payload.inputs[0], StringCodec)[0].split():
                await asyncio.sleep(0)
                outputs = [StringCodec.encode_output("word", [word])]
                said = types.Parameters(headers={"X-Word": word})
                yield InferenceResponse(model_name=self.name, outputs=outputs, parameters=said)
"""


def test_a_stream_has_an_event_for_each_response(serve_model: Serve) -> None:
    with serve_model(STREAMS) as model:
        body = {"inputs": [texts("prompt", "one two three")]}
        reply = model.client.request("POST", "/v2/models/m/infer_stream", body=body)
        assert dict(reply.headers)["Content-Type"] == "text/event-stream"
        assert [part.count('"data":["') for part in reply.text.split("\n\n")] == [1, 1, 1, 0]
        assert "X-Word" not in reply.text
        assert dict(reply.headers)["X-Word"] == "one"
        assert model.data(texts("prompt", "one two")) == {"word": ["whole"]}


@pytest.mark.parametrize("path", ["generate", "generate_stream"])
@pytest.mark.parametrize("name", ["asked", "text_input"])
def test_plain_values_are_the_inputs_of_its_metadata_and_headers_are_sent(
    serve_model: Serve, path: str, name: str
) -> None:
    source = """
class Model(MLModel):
    async def predict(self, payload):
        said = types.Parameters(headers={"X-Asked": payload.inputs[0].name})
        outputs = [NumpyCodec.encode_output("count", np.array([len(payload.inputs)]))]
        return InferenceResponse(model_name=self.name, outputs=outputs, parameters=said)
"""
    inputs = [{"name": "asked", "datatype": "BYTES", "shape": [-1]}]
    with serve_model(source, inputs=inputs) as model:
        reply = model.client.request("POST", f"/v2/models/m/{path}", body={name: "so"})
        assert reply.status == 200, reply.text
        assert ":1}" in reply.text
        assert dict(reply.headers)["X-Asked"] == "asked"


@pytest.mark.parametrize(("name", "output"), [("asked", "words"), ("text_input", "text_output")])
@pytest.mark.parametrize(("words", "plain"), [(["ü"], "ü"), (["a", "b"], [["a"], ["b"]])])
def test_texts_that_a_codec_has_made_are_plain_texts(
    serve_model: Serve, name: str, output: str, words: list[str], plain: Any
) -> None:
    source = f"""
class Model(MLModel):
    async def predict(self, payload):
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("words", {words})])
"""
    inputs = [{"name": "asked", "datatype": "BYTES", "shape": [-1]}]
    with serve_model(source, inputs=inputs) as model:
        reply = model.client.request("POST", "/v2/models/m/generate", body={name: "so"})
        assert reply.status == 200, reply.text
        assert reply.json()[output] == ("".join(words) if name == "text_input" else plain)


def test_a_model_without_a_stream_of_its_own_answers_in_one_event(serve_model: Serve) -> None:
    with serve_model(ECHO) as model:
        body = {"inputs": [tensor("x", "INT64", [1])]}
        assert model.client.request("POST", "/v2/models/m/infer_stream", body=body).text.count("data: ") == 1


def test_metrics_have_the_name_and_version_of_the_model(serve_model: Serve) -> None:
    source = """
class Model(MLModel):
    async def load(self):
        register("mlserver_test_words", "Words of a question.")
        return True

    async def predict(self, payload):
        log(mlserver_test_words=3, mlserver_test_unregistered=0.5)
        return InferenceResponse(model_name=self.name, outputs=[])
"""
    with serve_model(source, host={"metrics": True}, parameters={"version": "v1"}) as model:
        model.infer(texts("x", "a"))
        found = model.client.request("GET", "/metrics").text
        assert 'mlserver_test_words_sum{model_name="m",model_version="v1"} 3.0' in found
        assert 'mlserver_test_unregistered_count{model_name="m",model_version="v1"} 1.0' in found


def test_binary_tensors_arrive_and_leave(serve_model: Serve) -> None:
    import numpy as np

    from scoringhost import codecs

    with serve_model(ADDS) as model:
        request = codecs.request_of({"a": np.ones(2), "b": np.ones(2)})
        body, headers = codecs.to_body(request, binary=True)
        reply = model.client.request("POST", "/v2/models/m/infer", body=body, headers=headers)
        response = codecs.response_of(reply.body, dict(reply.headers))
        assert codecs.to_arrays(response)["output-0"].tolist() == [[2.0], [2.0]]


# -- what cannot be served --------------------------------------------------------------------------


def test_a_class_that_is_not_there_is_named(serve_model: Serve) -> None:
    with pytest.raises(ScriptUnservable, match="there is no Model in"), serve_model("x = 1\n"):
        pass


def test_a_class_that_predicts_nothing_is_refused(serve_model: Serve) -> None:
    with pytest.raises(ScriptUnservable, match="no MLModel"), serve_model("class Model:\n    pass\n"):
        pass


def test_settings_without_an_implementation_are_refused(serve_model: Serve) -> None:
    with pytest.raises(ScriptUnservable, match="names no `implementation`"), serve_model(ECHO, implementation=""):
        pass


def test_a_package_of_mlservers_that_is_absent_is_named(serve_model: Serve) -> None:
    absent = "mlserver_alibi_explain.AlibiExplainRuntime"
    with (
        pytest.raises(ScriptImportFailed, match="pip install mlserver-alibi-explain"),
        serve_model(ECHO, implementation=absent),
    ):
        pass


def test_an_error_in_the_runtimes_module_is_shown(serve_model: Serve) -> None:
    with pytest.raises(ScriptImportFailed) as caught, serve_model("raise OSError('broken')\n"):
        pass
    assert "broken" in caught.value.traceback


def test_two_models_with_modules_of_one_name_are_two(tmp_path: Path) -> None:
    clients = []
    for name in ("left", "right"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "models.py").write_text(
            "from helper import NAME\nfrom mlserver import MLModel\nfrom mlserver.codecs import decode_args\n"
            "from typing import List\n\n\nclass Model(MLModel):\n    @decode_args\n"
            "    async def predict(self, x: List[str]) -> List[str]:\n        return [NAME]\n"
        )
        (folder / "helper.py").write_text(f"NAME = {name!r}\n")
        (folder / "model-settings.json").write_text('{"implementation": "models.Model"}')
        clients.append(folder)
    with serve(clients[0]) as left, serve(clients[1]) as right:
        body = {"inputs": [texts("x", "a")]}
        answers: list[Any] = [
            client.request("POST", f"/v2/models/{name}/infer", body=body).json()["outputs"][0]["data"]
            for client, name in ((left, "left"), (right, "right"))
        ]
    assert answers == [["left"], ["right"]]
    assert "models" not in sys.modules


def test_nobody_but_scripts_is_given_the_package() -> None:
    with pytest.raises(ModuleNotFoundError):
        __import__("mlserver")


def test_the_base_of_a_runtime_predicts_nothing_and_streams_what_it_predicts() -> None:
    from scoringhost.runtimes import MLModel, ModelSettings, types

    class Mine(MLModel):
        async def predict(self, payload: types.InferenceRequest) -> types.InferenceResponse:
            return types.InferenceResponse(model_name=self.name, outputs=[])

    async def streamed() -> list[types.InferenceResponse]:
        async def two() -> Any:
            yield types.InferenceRequest(inputs=[])
            yield types.InferenceRequest(inputs=[])

        settings = ModelSettings(name="mine", implementation=Mine)
        assert settings.implementation is Mine
        return [one async for one in Mine(settings).predict_stream(two())]

    assert [one.model_name for one in asyncio.run(streamed())] == ["mine", "mine"]
    with pytest.raises(NotImplementedError):
        asyncio.run(MLModel(ModelSettings()).predict(types.InferenceRequest(inputs=[])))
