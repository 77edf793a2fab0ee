"""What is said of a service, and what a server is sent of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.azureml.deploy._options import body_of, pickled_objects, realtime_parts
from tests.unit.azureml.deploy.conftest import described


def run(x, y):
    return x + y


def init():
    pass


def both(x, /, y, *, z=1):
    return x + y, x * y


def around(number: int) -> Callable[..., Any]:
    def inner(x):
        return x + number

    return inner


def marked(function):
    return function


@marked
def decorated(x):
    return x


def of_any(*x):
    return x


TYPES = {"x": int, "y": float}


def test_a_function_is_its_source_and_a_line_that_calls_it() -> None:
    body = body_of({"code_fn": run, "init_fn": init, "inputs": {"y": float, "x": int}, "outputs": {"answer": float}})
    assert body["code"] == "def run(x, y):\n    return x + y\n\nanswer = run(x, y)\n"
    assert body["initCode"] == "def init():\n    pass\n\ninit()\n"
    assert body["operationId"] == "run"
    assert body["inputParameterDefinitions"] == [{"name": "x", "type": "integer"}, {"name": "y", "type": "numeric"}]
    assert body["outputParameterDefinitions"] == [{"name": "answer", "type": "numeric"}]
    assert (body["description"], body["outputFileNames"], body["runtimeType"]) == ("", [], "Python")


def _globals_of(code: str, **names: Any) -> dict[str, Any]:
    exec(code, names)
    return names


def test_several_outputs_are_the_items_of_what_a_function_returns() -> None:
    inputs = {"x": int, "y": int, "z": int}
    code = body_of({"code_fn": both, "inputs": inputs, "outputs": {"sum": int, "product": int}})["code"]
    found = _globals_of(code, x=3, y=4, z=5)
    assert (found["sum"], found["product"]) == (7, 12)


def test_further_outputs_may_be_globals_as_they_had_to_be() -> None:
    def scored(x):
        global more
        more = x * 2  # type: ignore[name-defined]
        return x

    code = body_of({"code_fn": scored, "inputs": {"x": int}, "outputs": {"first": int, "more": int}})["code"]
    found = _globals_of(code, x=3)
    assert (found["first"], found["more"]) == (3, 6)


def test_code_is_sent_as_it_is() -> None:
    body = body_of({"code_str": "y = x", "init_str": "import math", "inputs": {"x": "numpy.array"}})
    assert (body["code"], body["initCode"], body["operationId"]) == ("y = x", "import math", "consume")
    assert body["inputParameterDefinitions"] == [{"name": "x", "type": "vector"}]


@pytest.mark.parametrize(
    ("declared", "wire"),
    [
        (int, "integer"), (float, "numeric"), (str, "character"), (bool, "logical"), (np.array, "vector"),
        (np.ndarray, "vector"), (np.matrix, "matrix"), (pd.DataFrame, "data.frame"), (list, "vector"),
        ("int", "integer"), ("float", "numeric"), ("str", "character"), ("bool", "logical"),
        ("numpy.array", "vector"), ("array", "vector"), ("numpy.matrix", "matrix"), ("matrix", "matrix"),
        ("pandas.DataFrame", "data.frame"), ("DataFrame", "data.frame"), ("list", "vector"),
    ],
    ids=str,
)  # fmt: skip
def test_types_are_taken_as_they_are_and_by_name(declared: Any, wire: str) -> None:
    assert body_of({"code_str": "", "inputs": {"x": declared}})["inputParameterDefinitions"][0]["type"] == wire


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"code_fn": run, "code_str": "y = 1"}, "code_fn and code_str"),
        ({"code_str": "y = 1", "init_fn": init, "init_str": "import a"}, "init_fn and init_str"),
        ({"code_fn": run, "inputs": {"x": int}}, "inputs: argument 'y' of code_fn has no type"),
        ({"code_fn": run, "inputs": TYPES | {"z": int}}, "inputs: code_fn has no argument 'z'"),
        ({"code_str": "", "inputs": {"x": complex}}, "inputs: input 'x': there is no type 'complex'"),
        ({"code_str": "", "outputs": {"x": "number"}}, "outputs: output 'x': there is no type 'number'"),
        ({"code_str": "", "inputs": {"x": np.float64}}, "numpy.float64"),
        ({"code_str": "", "inputs": [("x", int)]}, "inputs: a dict"),
        ({"code_str": "", "input": {}}, "there is no option 'input'"),
        ({"code_fn": "run"}, "code_fn: a function is expected, not a str"),
        ({"code_fn": lambda x: x, "inputs": {"x": int}}, "code_fn: a lambda"),
        ({"code_fn": decorated, "inputs": {"x": int}}, "code_fn: decorated is decorated"),
        ({"code_fn": around(3), "inputs": {"x": int}}, "code_fn: inner uses number of the function around it"),
        ({"code_fn": of_any, "inputs": {"x": int}}, "code_fn: of_any takes any number of arguments"),
        ({"code_fn": len}, "code_fn: a function is expected"),
        ({"code_str": "", "init_fn": print}, "init_fn: a function is expected"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_published_is_refused_by_name(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError) as caught:
        body_of(options)
    assert named in str(caught.value)


def test_a_function_without_a_source_is_refused() -> None:
    made: dict[str, Any] = {}
    exec(compile("def typed(x): return x", "<made here>", "exec"), made)
    with pytest.raises(ValueError, match="code_fn: Python does not know the source of typed; use code_str"):
        body_of({"code_fn": made["typed"], "inputs": {"x": int}})


def test_only_what_is_named_is_sent_of_a_change() -> None:
    assert body_of({"description": "new"}, described()) == {"runtimeType": "Python", "description": "new"}
    assert body_of({}, described()) == {"runtimeType": "Python"}
    assert body_of({"artifacts": []}, described()) == {"runtimeType": "Python", "outputFileNames": []}


def test_another_function_keeps_the_types_that_are_there() -> None:
    body = body_of({"code_fn": run}, described())
    assert body["code"].endswith("answer = run(x, y)\n")
    assert set(body) == {"runtimeType", "code", "operationId"}
    with pytest.raises(ValueError, match="argument 'z' of code_fn has no type"):
        body_of({"code_fn": both}, described())


def test_another_order_of_arguments_is_sent() -> None:
    inputs = [{"name": "y", "type": "numeric"}, {"name": "x", "type": "integer"}]
    body = body_of({"code_fn": run}, described(inputParameterDefinitions=inputs))
    assert body["inputParameterDefinitions"] == inputs[::-1]


def test_objects_that_cannot_be_pickled_are_named() -> None:
    with pytest.raises(ValueError, match="object 'stream' cannot be pickled"):
        pickled_objects({"objects": {"good": 1, "stream": (number for number in range(3))}})
    with pytest.raises(ValueError, match="models: there are two of the name 'a'"):
        pickled_objects({"objects": {"a": 1}, "models": {"a": 2}})
    assert set(pickled_objects({"objects": {"a": 1}, "models": {"b": 2}})) == {"a", "b"}


@pytest.mark.parametrize("model", [None, b"", b"pickle", "blob", 3])
def test_a_realtime_model_that_is_none_is_refused(model: Any) -> None:
    with pytest.raises(ValueError, match="serialized_model"):
        realtime_parts({"serialized_model": model}, is_new=True)


def test_a_realtime_service_has_no_code() -> None:
    with pytest.raises(ValueError, match="there is no option 'code_str'; there are: alias, description, serialized"):
        realtime_parts({"serialized_model": b"blob", "code_str": ""}, is_new=True)
