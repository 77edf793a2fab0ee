"""/score of a runtime that takes whole inference requests, and what is driven by it: check, batch, the documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from scoringhost.cli import main
from tests.unit.runtimes.mlserver.conftest import BEGINNING, Serve, tensor, texts
from tests.unit.runtimes.mlserver.test_runtime import ADDS, ECHO

LENGTHS = """
class Model(MLModel):
    @decode_args
    async def predict(self, lines: List[str]) -> np.ndarray:
        return np.array([len(line) for line in lines])
"""
FRAME = """
class Model(MLModel):
    @decode_args
    async def predict(self, people: pd.DataFrame) -> Tuple[List[str], np.ndarray]:
        return list(people["name"].str.upper()), people["age"].to_numpy() + 1
"""
SUMS = """
class Model(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = self.decode(payload.inputs[0], default_codec=NumpyCodec)
        output = NumpyCodec.encode_output("total", rows.sum(axis=1))
        return InferenceResponse(model_name=self.name, outputs=[output])
"""
MATRIX = [{"name": "rows", "datatype": "FP32", "shape": [-1, 3]}]
COLUMNS = [{"name": name, "datatype": "INT64", "shape": [-1]} for name in ("a", "b")]
ADDS_BY_HAND = """
class Model(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        a, b = [self.decode(one, default_codec=NumpyCodec) for one in payload.inputs]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("total", a + b)])
"""


def score(model: Any, body: Any) -> tuple[int, Any]:
    reply = model.client.request("POST", "/score", body=body)
    return reply.status, reply.json()


def test_a_request_of_the_protocol_is_answered_with_a_response(serve_model: Serve) -> None:
    with serve_model(ECHO, parameters={"version": "v1"}) as model:
        body = {"id": "7", "inputs": [tensor("x", "FP32", [1.5]), texts("t", "ü")], "outputs": [{"name": "x"}]}
        assert score(model, body) == (
            200,
            {
                "model_name": "m",
                "id": "7",
                "outputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1.5]}],
            },
        )


def test_the_headers_of_the_call_are_handed_on(serve_model: Serve) -> None:
    source = """
class Model(MLModel):
    @decode_args
    async def predict(self, x: np.ndarray) -> np.ndarray:
        return x

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        output = StringCodec.encode_output("seen", [payload.parameters.headers["x-mine"]])
        return InferenceResponse(model_name=self.name, outputs=[output])
"""
    with serve_model(source, inputs=MATRIX) as model:
        reply = model.client.request("POST", "/score", body={"rows": [[1, 2, 3]]}, headers={"X-Mine": "yes"})
        assert reply.json() == ["yes"]


@pytest.mark.parametrize("body", [{"lines": ["a", "bcd"]}, {"data": ["a", "bcd"]}, {"input_data": ["a", "bcd"]},
                                  {"data": [{"lines": "a"}, {"lines": "bcd"}]}])  # fmt: skip
def test_annotations_name_the_inputs(serve_model: Serve, body: Any) -> None:
    with serve_model(LENGTHS) as model:
        assert score(model, body) == (200, [1, 3])


@pytest.mark.parametrize(
    "body",
    [
        {"a": [1, 2], "b": [10, 20]},
        {"data": [{"a": 1, "b": 10}, {"a": 2, "b": 20}]},
        {"data": [[1, 10], [2, 20]]},
        {"data": {"columns": ["b", "a"], "data": [[10, 1], [20, 2]]}},
    ],
    ids=["names", "records", "rows", "columns"],
)
def test_several_inputs_may_come_as_a_table(serve_model: Serve, body: Any) -> None:
    with serve_model(ADDS) as model:
        assert score(model, body) == (200, [11, 22])
    with serve_model(ADDS_BY_HAND, inputs=COLUMNS) as model:
        assert score(model, body) == (200, [11, 22])


@pytest.mark.parametrize(
    "body",
    [
        {"name": ["Ann", "Bo"], "age": [31, 64]},
        {"data": [{"name": "Ann", "age": 31}, {"name": "Bo", "age": 64}]},
        {"data": {"columns": ["name", "age"], "data": [["Ann", 31], ["Bo", 64]]}},
    ],
    ids=["names", "records", "columns"],
)
def test_a_frame_takes_columns_and_several_outputs_have_names(serve_model: Serve, body: Any) -> None:
    with serve_model(FRAME) as model:
        assert score(model, body) == (200, {"output-0": ["ANN", "BO"], "output-1": [32, 65]})


def test_the_settings_name_the_inputs(serve_model: Serve) -> None:
    with serve_model(SUMS, inputs=MATRIX) as model:
        assert score(model, {"rows": [[1, 2, 3], [4, 5, 6]]}) == (200, [6.0, 15.0])
        assert score(model, {"data": [[1, 2, 3]]}) == (200, [6.0])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"rows": [["x", 2, 3]]}, "input 'rows[0]': expected a number or null (FP32), got str ('x')"),
        ({"rows": [[1, 2, 3]], "more": 1}, "There is no input 'more'; the inputs are rows"),
        ({}, "input 'rows' is missing; the inputs are rows"),
        ([1], "The body should be an object with the inputs by name, not a list of 1"),
        ({"inputs": 3}, "'inputs' should be a list of tensors, not int (3)"),
    ],
)
def test_what_does_not_fit_is_a_400_that_names_it(serve_model: Serve, body: Any, message: str) -> None:
    with serve_model(SUMS, inputs=MATRIX) as model:
        status, answer = score(model, body)
        assert (status, answer["message"]) == (400, message)


@pytest.mark.parametrize("table", [[[1], [2]], [], [{"a": 1, "b": 2}, {"a": 1}], {"columns": "ab", "data": []}])
def test_a_table_of_another_form_is_a_400(serve_model: Serve, table: Any) -> None:
    with serve_model(ADDS) as model:
        assert score(model, {"data": table})[0] == 400


def test_a_model_that_does_not_say_what_it_takes_says_so(serve_model: Serve) -> None:
    with serve_model(ECHO) as model:
        status, answer = score(model, {"x": 1})
        assert (status, "does not say what its inputs are" in answer["message"]) == (400, True)


def test_packed_bodies_and_queries_are_read(serve_model: Serve) -> None:
    import gzip

    with serve_model(LENGTHS) as model:
        for lines in (["a"], ["word"] * 20_000):
            body = gzip.compress(json.dumps({"lines": lines}).encode())
            headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
            reply = model.client.request("POST", "/score", body=body, headers=headers)
            assert reply.json() == [len(line) for line in lines]
        assert model.client.request("GET", '/score?lines=["abc"]').json() == [3]


def test_the_document_and_the_sample_are_of_the_settings_inputs(serve_model: Serve) -> None:
    with serve_model(SUMS, inputs=MATRIX) as model:
        document = model.client.request("GET", "/swagger.json?version=3.1").json()
        body = document["components"]["schemas"]["ServiceInput"]
        assert body["example"] == {"rows": [[0.0, 0.0, 0.0]]}
        plane = model.client.request("GET", "/v2/docs/dataplane.json").json()
        example = plane["components"]["schemas"]["InferenceRequest"]["examples"][0]
        assert example["inputs"] == [{"name": "rows", "datatype": "FP32", "shape": [1, 3], "data": [0.0, 0.0, 0.0]}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with inputs in its settings."""
    (tmp_path / "models.py").write_text(BEGINNING + SUMS)
    settings = {"name": "sums", "implementation": "models.Model", "inputs": MATRIX}
    (tmp_path / "model-settings.json").write_text(json.dumps(settings))
    return tmp_path


def test_check_posts_the_sample(folder: Path) -> None:
    done = CliRunner().invoke(main, ["check", str(folder)])
    assert done.exit_code == 0
    assert "no-sample" not in done.output
    (folder / "models.py").write_text(BEGINNING + SUMS.replace("rows.sum", "rows.some"))
    done = CliRunner().invoke(main, ["check", str(folder)])
    assert done.exit_code == 1
    assert "run-failed" in done.output


@pytest.mark.parametrize(
    ("name", "content", "flags"),
    [
        ("rows.csv", "x,y,z\n1,2,3\n4,5,6\n", ["--body-form", "data=lists"]),
        ("rows.jsonl", '{"rows": [[1, 2, 3]]}\n{"data": [[4, 5, 6]]}\n', []),
    ],
)
def test_batch_scores_rows(folder: Path, name: str, content: str, flags: list[str]) -> None:
    (folder / name).write_text(content)
    out = folder / "out.jsonl"
    command = ["batch", str(folder), "--input", str(folder / name), "--output", str(out), "--processes", "1", *flags]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    results = [json.loads(line)["result"] for line in out.read_text().splitlines()]
    assert results in ([6.0, 15.0], [[6.0], [15.0]])
