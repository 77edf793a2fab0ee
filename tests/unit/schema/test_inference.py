"""From inference-schema's parameter types to declared types."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from inference_schema.parameter_types.abstract_parameter_type import AbstractParameterType
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType

from scoringhost.schema.declared import Misfit
from scoringhost.schema.inference import declare

VECTOR = NumpyParameterType(np.array([1.0, 2.0]))
FRAME = PandasParameterType(pd.DataFrame({"x": [1], "y": [2.5]}))


class Celsius(AbstractParameterType):  # type: ignore[misc]
    """A script's own type: text such as `21.5C`, with a sample of the same Python type as the input."""

    def __init__(self, fault: type[BaseException] = ValueError) -> None:
        super().__init__("21.5C")
        self.fault = fault

    def deserialize_input(self, input_data: Any) -> float:
        if not str(input_data).endswith("C"):
            raise self.fault("no degrees Celsius")
        return float(input_data[:-1])

    def input_to_swagger(self) -> dict[str, Any]:
        return {"type": "string", "example": "21.5C"}


class Doubled(NumpyParameterType):  # type: ignore[misc]
    """A stock type with another decoding."""

    def deserialize_input(self, input_data: Any) -> Any:
        return super().deserialize_input(input_data) * 2


class Relabelled(NumpyParameterType):  # type: ignore[misc]
    """A stock type with another document but the stock decoding."""

    def input_to_swagger(self) -> dict[str, Any]:
        return {"type": "array", "example": []}


def test_a_numpy_type_becomes_an_array_codec_with_its_flags() -> None:
    loose = declare(NumpyParameterType(np.array([1.0]), enforce_shape=False, enforce_column_type=False))
    decoded = loose.to_python([[1, 2]])
    assert isinstance(decoded, np.ndarray)
    assert (decoded.shape, decoded.dtype) == ((1, 2), np.dtype(int))


def test_a_pandas_type_becomes_a_frame_codec_with_its_orient() -> None:
    split = declare(PandasParameterType(pd.DataFrame({"x": [1]}), orient="split"))
    decoded = split.to_python({"columns": ["x"], "data": [[5]]})
    assert isinstance(decoded, pd.DataFrame)
    assert decoded.x.tolist() == [5]


def test_a_standard_type_asks_for_its_samples_type() -> None:
    assert declare(StandardPythonParameterType(3)).to_python(5) == 5


def test_types_in_an_object_are_declared_at_any_depth() -> None:
    inner = StandardPythonParameterType({"vector": VECTOR, "k": StandardPythonParameterType(1)})
    codec = declare(StandardPythonParameterType({"frame": FRAME, "note": "hi", "inner": inner}))
    decoded: Any = codec.to_python({"frame": [{"x": 1, "y": 2}], "note": 5, "inner": {"vector": [9]}})
    assert decoded["frame"].y.tolist() == [2.0]
    assert decoded["note"] == 5
    assert decoded["inner"]["vector"].tolist() == [9.0]


def test_a_misfit_in_an_inner_type_tells_the_whole_path() -> None:
    codec = declare(StandardPythonParameterType({"all": StandardPythonParameterType([VECTOR])}))
    with pytest.raises(Misfit) as refused:
        codec.to_python({"all": [[1], [2, "x"]]})
    assert refused.value.path == ".all[1][1]"


@pytest.mark.parametrize("sample", [[VECTOR, VECTOR], (VECTOR, FRAME)])
def test_the_first_type_in_a_list_describes_every_item(sample: Any) -> None:
    decoded: Any = declare(StandardPythonParameterType(sample)).to_python([[1], [2, 3], []])
    assert [item.tolist() for item in decoded] == [[1.0], [2.0, 3.0], []]


def test_a_custom_type_decodes_by_itself_even_if_the_value_has_its_samples_type() -> None:
    assert declare(Celsius()).to_python("20C") == 20.0


@pytest.mark.parametrize("fault", [ValueError, TypeError, KeyError, IndexError, AssertionError])
def test_a_custom_types_complaint_is_a_misfit_that_keeps_the_message(fault: type[BaseException]) -> None:
    with pytest.raises(Misfit, match=r"expected a value for Celsius, got str \('20F'\).*no degrees Celsius"):
        declare(Celsius(fault)).to_python("20F")


@pytest.mark.parametrize("fault", [RuntimeError, ZeroDivisionError, AttributeError])
def test_any_other_error_of_a_custom_type_comes_through(fault: type[BaseException]) -> None:
    with pytest.raises(fault, match="no degrees"):
        declare(Celsius(fault)).to_python("20F")


def test_a_stock_type_with_its_own_decoding_keeps_it() -> None:
    decoded: Any = declare(Doubled(np.array([1]))).to_python([3])
    assert decoded.tolist() == [6]


def test_a_stock_type_with_the_stock_decoding_gets_ours() -> None:
    with pytest.raises(Misfit, match="int64"):
        declare(Relabelled(np.array([1]))).to_python([1.5])


def test_what_is_no_parameter_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="deserialize_input"):
        declare(5)


def test_importing_the_module_brings_in_no_numpy_pandas_or_inference_schema() -> None:
    check = (
        "import sys, scoringhost.schema.inference, scoringhost.schema.frame_layouts\n"
        "print([name for name in ('numpy', 'pandas', 'dateutil', 'inference_schema') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
