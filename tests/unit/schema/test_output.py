"""The declared output: its JSON schema, its check, and its tensors, from the schema that inference-schema keeps."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType as Numpy
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType as Pandas
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType as Standard

from scoringhost.schema.declared import Misfit
from scoringhost.schema.inference import declare
from scoringhost.schema.output import DeclaredOutput

FRAME = pd.DataFrame({"n": [1], "x": [1.5], "ok": [True], "name": ["a"], "day": pd.to_datetime(["2020-01-01"])})


def output(sample: Any) -> DeclaredOutput:
    return DeclaredOutput(sample.input_to_swagger())


@pytest.mark.parametrize(
    "sample",
    [
        *(Numpy(np.zeros((1, 2), dtype)) for dtype in ("f4", "f8", "i1", "i8", "u2", "?", "O", "M8[us]")),
        Numpy(np.array(["text"])),
        Numpy(np.zeros((2, 3, 4))),
        Pandas(FRAME),
        Pandas(FRAME[["n", "x"]], orient="split"),
        Pandas(FRAME[["n", "x"]], orient="columns"),
        Standard(1),
        Standard(1.5),
        Standard(True),
        Standard("a"),
        Standard(b"a"),
        Standard(datetime.date(2020, 1, 1)),
        Standard([1, 2]),
        Standard(["a"]),
        Standard([{"a": 1}]),
        Standard([Numpy(np.zeros((1, 2)))]),
        Standard({"a": Standard(1), "b": Numpy(np.zeros((1, 2))), "f": Pandas(FRAME[["n"]])}),
    ],
)
def test_the_tensors_of_an_output_are_those_of_its_type(sample: Any) -> None:
    found = [(one.suffix, one.datatype, one.shape, one.content_type) for one in output(sample).tensors()]
    expected = [
        (one.suffix or "output-0", one.datatype, one.shape, one.content_type) for one in declare(sample).tensors()
    ]
    assert found == expected


def test_a_result_becomes_tensors_by_its_names() -> None:
    declared = output(Standard({"label": Standard(["a"]), "score": Numpy(np.zeros(1, "f4"))}))
    found = declared.to_tensors({"label": ["x", "y"], "score": np.array([0.5, 1], "f4")})
    assert {name: array.tolist() for name, array in found.items()} == {"label": ["x", "y"], "score": [0.5, 1.0]}
    assert output(Numpy(np.zeros(1))).to_tensors([1, 2])["output-0"].tolist() == [1.0, 2.0]


def test_a_result_as_json_is_checked_against_the_schema() -> None:
    declared = output(Numpy(np.zeros((1, 2))))
    assert declared.to_json(np.array([[1.0, np.nan]])) == [[1.0, None]]
    with pytest.raises(Misfit, match=r"expected number, got str \('x'\) at \[0\]\[1\]"):
        declared.to_json([[1.0, "x"]])


def test_an_output_that_nobody_declares_takes_anything_and_names_no_tensors() -> None:
    declared = DeclaredOutput()
    assert not declared.is_declared
    assert declared.to_json(["any"]) == ["any"]
    assert declared.tensors() == ()
