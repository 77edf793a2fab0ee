"""@typed: what annotations of run() declare, and what is done with its result."""

from __future__ import annotations

import asyncio
import base64
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scoringhost.errors import (
    InvalidParameter,
    MissingExtra,
    MissingParameter,
    ResultMisfit,
    ScriptUnservable,
    UnknownParameter,
)
from scoringhost.kernel.batch_policy import BatchPolicy
from scoringhost.kernel.call import Call
from scoringhost.kernel.service import Service
from scoringhost.schema import json_text

Serve = Callable[..., Any]

HEAD = """
import enum, datetime
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
import numpy as np, pandas as pd
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, Field
from typing_extensions import TypedDict
import scoringhost
from scoringhost import as_json, typed

class Port(enum.Enum):
    SOUTH = "S"
    CHERBOURG = "C"

@dataclass
class Passenger:
    age: int
    fare: float | None = None
    port: Port = Port.SOUTH

class Options(TypedDict, total=False):
    threshold: float

class Answer(BaseModel):
    label: str
    score: float = Field(ge=0, le=1)
    model_config = {"extra": "forbid"}

seen = []
"""


@pytest.fixture
def typed_script(serving: Serve) -> Callable[..., Any]:
    """typed_script(source, **limits): a service with such a script, whose annotations may name what HEAD has."""
    return lambda source, **limits: serving(HEAD + source, **limits)


@pytest.fixture
def answer(typed_script: Callable[..., Any]) -> Callable[..., Any]:
    """answer(source, body): what run() answers to a body, as it is sent."""

    def answer(source: str, body: str) -> Any:
        return json_text.loads(json_text.dumps(scored(typed_script(source), body)))

    return answer


def scored(served: Any, *bodies: str) -> Any:
    """The output for a body; for several, the outputs of calls that come at the same time."""

    async def scenario(service: Service) -> Any:
        found = await asyncio.gather(*(service.score(Call(body.encode())) for body in bodies), return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException):
                raise one
        outputs = []
        for one in found:
            assert not isinstance(one, BaseException)
            outputs.append(one.output if one.items is None else [item async for item in one.items])
        return outputs

    outputs = served.do(scenario)
    return outputs[0] if len(bodies) == 1 else outputs


# -- parameters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "given", "shown"),
    [
        ("int", "3", "3"),
        ("float", "3", "3.0"),
        ("float", "NaN", "nan"),
        ("str | None", "null", "None"),
        ("datetime.date", '"2024-01-31"', "datetime.date(2024, 1, 31)"),
        ("Port", '"C"', "<Port.CHERBOURG: 'C'>"),
        ("Literal['a', 'b']", '"b"', "'b'"),
        ("tuple[int, str]", '[1, "a"]', "(1, 'a')"),
        ("set[int]", "[1, 1]", "{1}"),
        ("dict[int, float]", '{"1": 2}', "{1: 2.0}"),
        ("int", "1000000000000000000000000", "1000000000000000000000000"),
        ("Passenger", '{"age": 3}', "Passenger(age=3, fare=None, port=<Port.SOUTH: 'S'>)"),
        ("list[Passenger]", '[{"age": 3, "port": "C"}]', "[Passenger(age=3, fare=None, port=<Port.CHERBOURG: 'C'>)]"),
        ("Options", '{"threshold": 1}', "{'threshold': 1.0}"),
        ("Answer", '{"label": "a", "score": 1}', "Answer(label='a', score=1.0)"),
        ("bytes", '"AP8="', "b'\\x00\\xff'"),
        ("dict[str, bytes]", '{"a": "AP8="}', "{'a': b'\\x00\\xff'}"),
        ("NDArray[np.float32]", "[[1, 2.5]]", "array([[1. , 2.5]], dtype=float32)"),
        ("np.ndarray", "[1, 2]", "array([1, 2])"),
        ("np.ndarray", "[1, null]", "array([ 1., nan])"),
        ("Annotated[NDArray[np.int8], Field(examples=[[1]])]", "[1]", "array([1], dtype=int8)"),
        ("list[NDArray[np.int8]] | None", "[[1]]", "[array([1], dtype=int8)]"),
        ("pd.DataFrame", '[{"a": 1}, {"a": 2}]', "   a\n0  1\n1  2"),
    ],
)
def test_a_parameter_is_what_its_annotation_says(answer: Any, annotation: str, given: str, shown: str) -> None:
    assert answer(f"@typed\ndef run(x: {annotation}):\n    return repr(x)", f'{{"x": {given}}}') == shown


# BUG: annotations that are text, as under `from __future__ import annotations`.
def test_annotations_may_be_text(answer: Any) -> None:
    assert answer(
        "@typed\ndef run(x: 'list[Passenger]') -> 'list[int]':\n    return [x[0].age]", '{"x": [{"age": 3}]}'
    ) == [3]


@pytest.mark.parametrize(
    ("annotation", "given", "message"),
    [
        ("list[Passenger]", '[{"age": 1}, {"age": 2}, {"age": "x"}]', "'x[2].age': expected an integer, got str ('x')"),
        ("list[Passenger]", '[{"fare": 1}]', "'x[0].age': expected a value, got nothing"),
        ("list[Passenger]", '[{"age": 1, "port": "Q"}]', "'x[0].port': expected 'S' or 'C', got str ('Q')"),
        ("list[Passenger]", '{"age": 1}', "'x': expected a list, got an object with keys age"),
        ("list[Passenger]", "[1, 2]", "'x[0]': expected an object, got int (1) (and 1 more that does not fit)"),
        ("int", "1.5", "'x': expected an integer, got float (1.5)"),
        ("int | str", "[]", "'x': expected an integer or text, got a list of 0"),
        ("int | Passenger", '{"age": "x"}', "'x.age': expected an integer, got str ('x')"),
        ("tuple[int, str]", "[1]", "'x[1]': expected a value, got nothing"),
        ("Answer", '{"label": "a", "score": 2}', "'x.score': expected less than or equal to 1, got int (2)"),
        ("Answer", '{"label": "a", "score": 1, "more": 2}', "'x.more': expected no such member, got int (2)"),
        ("bytes", '"?"', "'x': expected base64, got str ('?')"),
        ("dict[str, NDArray[np.int8]]", '{"a": [1, 1.5]}', "'x.a[1]': expected int8, got float (1.5)"),
        ("Image.Image", '"AAAA"', "'x': expected a picture, got 3 bytes that are none (UnidentifiedImageError)"),
        ("pd.DataFrame", "[1]", "'x[0]': expected an object of a row's values, got int (1)"),
    ],
)
def test_what_does_not_fit_is_the_callers_fault_at_its_place(
    typed_script: Any, annotation: str, given: str, message: str
) -> None:
    served = typed_script(f"@typed\ndef run(x: {annotation}): seen.append(x)")
    with pytest.raises(InvalidParameter) as refused:
        scored(served, f'{{"x": {given}}}')
    assert str(refused.value) == f"parameter {message}"
    assert served.module.seen == []


def test_defaults_are_kept_and_other_parameters_are_asked_for(typed_script: Any) -> None:
    served = typed_script(
        "@typed\ndef run(age: int, who: Passenger = Passenger(7)) -> list[int]: return [age, who.age]"
    )
    assert scored(served, '{"age": 1}') == [1, 7]
    with pytest.raises(MissingParameter, match="'age'"):
        scored(served, "{}")


def test_a_picture_comes_in_and_goes_out_as_base64(answer: Any) -> None:
    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (3, 2), 9).save(file, "PNG")
    source = "@typed\ndef run(x: Image.Image) -> dict[str, Image.Image]: return {'turned': x.rotate(90, expand=True)}"
    found = answer(source, f'{{"x": "{base64.b64encode(file.getvalue()).decode()}"}}')
    assert Image.open(io.BytesIO(base64.b64decode(found["turned"]))).size == (2, 3)


def test_a_field_of_a_class_is_marked_for_an_array(answer: Any) -> None:
    source = """
@dataclass
class Window:
    values: Annotated[NDArray[np.float32], as_json]
    blob: Annotated[bytes, as_json] = b""

class Model(BaseModel):
    window: Window
    more: Annotated[np.ndarray, as_json]

@typed
def run(x: Model) -> Window:
    return Window(x.window.values * 2 + x.more, x.window.blob)
"""
    given = '{"x": {"window": {"values": [1, 2], "blob": "AP8="}, "more": [1, 1]}}'
    assert answer(source, given) == {"values": [3, 5], "blob": "AP8="}


@pytest.mark.parametrize("annotation", ["NDArray[np.float32]", "NDArray[np.int16]", "np.ndarray"])
def test_a_large_array_is_the_same_as_a_small_one(answer: Any, annotation: str) -> None:
    source = f"@typed\ndef run(x: {annotation}): return [str(x.dtype), x.shape, x[1:3, 0].tolist(), x.flags.writeable]"
    rows = [[at, at + 1] for at in range(3)]
    assert answer(source, f'{{"x": {rows}}}')[0] == answer(source, f'{{"x": {rows * 3000}}}')[0]
    assert answer(source, f'{{"x": {rows * 3000}}}')[1:] == [[9000, 2], [1, 2], True]


# -- results ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "result", "sent"),
    [
        ("list[Answer]", "[Answer(label='a', score=1)]", [{"label": "a", "score": 1.0}]),
        ("list[Answer]", "[{'label': 'a', 'score': np.float32(0.5)}]", [{"label": "a", "score": 0.5}]),
        ("list[Answer]", "pd.DataFrame({'label': ['a'], 'score': [0.5]})", [{"label": "a", "score": 0.5}]),
        ("list[float]", "np.array([1.5, np.nan])", [1.5, None]),
        ("list[int]", "np.array([1])", [1]),
        ("Passenger", "Passenger(3)", {"age": 3, "fare": None, "port": "S"}),
        ("np.ndarray", "np.zeros((1, 2))", [[0.0, 0.0]]),
        ("np.ndarray", "[1, 2]", [1, 2]),
        ("dict[str, NDArray[np.float32]]", "{'a': np.zeros(1)}", {"a": [0.0]}),
        ("pd.DataFrame", "pd.DataFrame({'a': [1]})", [{"a": 1}]),
        ("bytes", "b'\\0\\xff'", "AP8="),
        ("datetime.date", "datetime.date(2024, 1, 31)", "2024-01-31"),
        ("int | None", "None", None),
        ("None", "None", None),
        ("Any", "{1: 2}", {"1": 2}),
    ],
)
def test_a_result_is_sent_as_its_annotation_says(answer: Any, annotation: str, result: str, sent: object) -> None:
    assert answer(f"@typed\ndef run(x: int = 0) -> {annotation}: return {result}", "{}") == sent


@pytest.mark.parametrize(
    ("annotation", "result", "message"),
    [
        ("list[Answer]", "[{'label': 'a', 'score': 2}]", "expected less than or equal to 1, got int (2) at [0].score"),
        ("list[int]", "None", "expected a list, got null"),
        ("None", "3", "expected null, got int (3)"),
        ("list[float]", "object()", "expected a list, got object (<object object"),
    ],
)
def test_another_result_is_the_scripts_fault(typed_script: Any, annotation: str, result: str, message: str) -> None:
    served = typed_script(f"@typed\ndef run(x: int = 0) -> {annotation}: return {result}")
    with pytest.raises(ResultMisfit) as failed:
        scored(served, "{}")
    assert str(failed.value).startswith(f"The result of run() is not what its annotation says: {message}")
    assert len(served.seen.failed) == 1


def test_an_async_run_is_awaited_and_checked(typed_script: Any) -> None:
    source = "@typed\nasync def run(x: int) -> list[int]: return [x] if x else None"
    assert scored(typed_script(source), '{"x": 1}') == [1]
    with pytest.raises(ResultMisfit, match="expected a list, got null"):
        scored(typed_script(source), '{"x": 0}')


@pytest.mark.parametrize(
    "source",
    [
        "def run(x: int) -> Iterator[Answer]:\n    for at in range(x): yield {'label': str(at), 'score': 1}",
        "def run(x: int) -> Iterable[Answer]:\n    for at in range(x): yield Answer(label=str(at), score=1)",
        "async def run(x: int) -> AsyncIterator[Answer]:\n    for at in range(x): yield {'label': str(at), 'score': 1}",
        "def run(x: int) -> Iterator[Answer]: return iter([{'label': str(at), 'score': 1} for at in range(x)])",
    ],
)
def test_each_item_of_a_stream_is_what_its_annotation_says(typed_script: Any, source: str) -> None:
    items = scored(typed_script(f"@typed\n{source}"), '{"x": 2}')
    assert items == [{"label": "0", "score": 1.0}, {"label": "1", "score": 1.0}]


def test_text_and_bytes_stream_as_they_are(typed_script: Any) -> None:
    assert scored(typed_script("@typed\ndef run(x: int) -> Iterator[bytes]: yield b'\\xff'"), '{"x": 2}') == [b"\xff"]
    assert scored(typed_script("@typed\ndef run(x: int) -> Iterator[str]: yield 'a'"), '{"x": 2}') == ["a"]


def test_a_generator_is_closed_with_its_stream(typed_script: Any) -> None:
    source = "@typed\ndef run(x: int) -> Iterator[int]:\n    try:\n        yield 1\n    finally: seen.append(1)"
    served = typed_script(source)

    async def scenario(service: Service) -> None:
        items: Any = (await service.score(Call(b'{"x": 1}'))).items
        await items.aclose()

    served.do(scenario)
    assert served.module.seen == [1]


def test_a_response_of_the_scripts_own_goes_out_whatever_is_annotated(typed_script: Any) -> None:
    output = scored(typed_script("@typed\ndef run(x: int) -> int: return scoringhost.Response('no', 422)"), '{"x": 1}')
    assert output.status_code == 422


def test_the_marked_function_is_the_scripts_own_still(typed_script: Any) -> None:
    assert typed_script("@typed\ndef run(x: int) -> int: return 'not checked'").module.run("y") == "not checked"


# -- what cannot be served ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("@typed\ndef run(x): pass", r"its parameter 'x' has no annotation; write x: int, say"),
        ("@typed\ndef run(x: 'Nowhere'): pass", r"annotations cannot be read: name 'Nowhere' is not defined"),
        (
            "class Own: pass\n@typed\ndef run(x: Own): pass",
            r"parameter 'x' is Own: Unable to generate .* <class .*Own'>",
        ),
        ("@typed\ndef run(x: int) -> 3: pass", "the result is 3"),
        ("@typed\n@scoringhost.rawhttp\ndef run(x: int): pass", "both @typed and @rawhttp"),
        ("@typed\ndef run(x: int) -> int: yield 1", r"its result is an Iterator\[X\]"),
        (
            "@dataclass\nclass A:\n    x: np.ndarray\n@typed\ndef run(a: A): pass",
            r"Annotated\[TYPE, scoringhost\.as_json\]",
        ),
        ("@typed\ndef run(x: Annotated[int, as_json]): pass", "as_json is for numpy.ndarray"),
    ],
)
def test_annotations_that_cannot_be_kept_to_end_the_start(typed_script: Any, source: str, reason: str) -> None:
    with pytest.raises(ScriptUnservable, match=reason):
        typed_script(source)


def test_typed_and_input_schema_contradict_each_other(typed_script: Any) -> None:
    source = """
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

@typed
@input_schema("x", StandardPythonParameterType(1))
def run(x: int): pass
"""
    with pytest.raises(ScriptUnservable, match="both @typed and @input_schema"):
        typed_script(source)


def test_without_pydantic_the_extra_is_named(serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(MissingExtra, match=r"pydantic is not installed; run: pip install 'pydantic>=2.10'"):
        serving("import scoringhost\n@scoringhost.typed\ndef run(x: int): pass")


def test_scripts_without_the_mark_do_not_load_pydantic(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def init(): pass\ndef run(data): return data\n")
    program = (
        "import sys; from scoringhost.testing import serve\n"
        f"with serve({str(tmp_path)!r}) as client: assert client.score('a') == 'a'\n"
        "assert 'pydantic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True)


# -- unknown keys -----------------------------------------------------------------------------------------


def test_a_key_that_run_does_not_take_is_refused(typed_script: Any) -> None:
    source = "@typed\ndef run(rows: list[int], threshold: float = 0.5) -> float: return threshold"
    with pytest.raises(UnknownParameter) as refused:
        scored(typed_script(source), '{"rows": [], "treshold": 1}')
    assert str(refused.value) == "run() takes no parameter 'treshold', but rows, threshold; is 'threshold' meant?"
    assert scored(typed_script(source, refuses_unknown_keys=False), '{"rows": [], "treshold": 1}') == 0.5


# -- batching ---------------------------------------------------------------------------------------------


def test_lists_of_objects_are_joined_as_rows_are(typed_script: Any) -> None:
    source = "@typed\ndef run(rows: list[Passenger], extra: int = 1) -> list[int]:\n"
    source += "    seen.append(len(rows))\n    return [row.age for row in rows]"
    served = typed_script(source, batch=BatchPolicy(8))

    async def scenario(service: Service) -> list[object]:
        for _ in range(8):
            bodies = [f'{{"rows": [{{"age": {age}}}]}}'.encode() for age in (3, 1, 2)]
            found = await asyncio.gather(*(service.score(Call(body)) for body in bodies))
        return [one.output for one in found]

    assert served.do(scenario) == [[3], [1], [2]]
    assert max(served.module.seen) > 1


def test_lists_of_numbers_are_never_joined(typed_script: Any) -> None:
    served = typed_script(
        "@typed\ndef run(x: list[float]) -> list[float]:\n    seen.append(len(x))\n    return x", batch=BatchPolicy(8)
    )
    for _ in range(6):
        assert scored(served, '{"x": [1, 2]}', '{"x": [3, 4]}', '{"x": [5, 6]}') == [[1, 2], [3, 4], [5, 6]]
    assert set(served.module.seen) == {2}


# -- the API document ---------------------------------------------------------------------------------------


def test_the_sample_is_made_of_defaults_and_examples(typed_script: Any) -> None:
    source = """
@dataclass
class Flat:
    rooms: Annotated[int, Field(examples=[3])]
    area: float = 71.5
    floor: int | None = None

@typed
def run(flats: list[Flat], port: Port = Port.SOUTH, more: str | None = None) -> list[float]: return [1.0]
"""
    served = typed_script(source)
    sample = {"flats": [{"rooms": 3, "area": 71.5}], "port": "S"}
    assert served.service.declarations.schemas.input["example"] == sample
    assert scored(served, json_text.dumps(sample).decode()) == [1.0]


def test_there_is_no_sample_if_nothing_says_what_a_value_is_like(typed_script: Any) -> None:
    assert "example" not in typed_script("@typed\ndef run(age: int): pass").service.declarations.schemas.input


# -- tensors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "value", "datatype", "shape"),
    [
        ("int", 3, "INT64", (1,)),
        ("float", 1.5, "FP64", (1,)),
        ("Annotated[str, Field(min_length=1)]", "a", "BYTES", (1,)),
        ("list[float]", [1.0, 2.0], "FP64", (-1,)),
        ("bytes", b"a", "BYTES", (1,)),
        ("dict[str, int]", {"a": 1}, "BYTES", (1,)),
    ],
)
def test_tensors_stand_for_values_and_become_them_again(
    typed_script: Any, annotation: str, value: object, datatype: str, shape: tuple[int, ...]
) -> None:
    declared = typed_script(f"@typed\ndef run(x: {annotation}): pass").service.declarations
    [tensor] = declared.input_tensors()
    assert (tensor.suffix, tensor.datatype, tensor.shape) == ("x", datatype, shape)
    kind = declared.inputs["x"].type
    assert kind.from_tensors(kind.to_tensors(value)) == value


def test_an_array_of_a_dtype_is_a_tensor_of_it(typed_script: Any) -> None:
    declared = typed_script("@typed\ndef run(x: int) -> NDArray[np.float32]: pass").service.declarations
    [tensor] = declared.output.tensors()
    assert (tensor.suffix, tensor.datatype) == ("output-0", "FP32")
    assert declared.output.to_tensors(np.ones(2, "f4"))["output-0"].dtype == np.float32
