"""From inference-schema's parameter types to declared types, without importing that package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scoringhost.schema.declared import DeclaredType, JsonValue, Misfit, phrase, shortened
from scoringhost.schema.nested_codec import ListOf, ObjectOf
from scoringhost.schema.plain_codec import plain_type
from scoringhost.schema.tensors import ByJson

ParameterType = Any
"""An instance of inference-schema's AbstractParameterType, read by its attributes."""

_MODULES = "inference_schema.parameter_types."


class CustomType(ByJson):
    """A parameter type with its own `deserialize_input`: the script's own decoding, always called."""

    def __init__(self, param_type: ParameterType) -> None:
        self._param_type = param_type

    def to_python(self, value: JsonValue) -> object:
        """Answer what `deserialize_input` makes of the value.

        Raises:
            Misfit: if it raises ValueError, TypeError, LookupError or AssertionError; keeps the message.
                Anything else it raises is the script's fault and comes through.
        """
        try:
            return self._param_type.deserialize_input(value)
        except Misfit:
            raise
        except (ValueError, TypeError, LookupError, AssertionError) as error:
            expected = f"a value for {type(self._param_type).__name__}"
            why = shortened(str(error) or type(error).__name__)
            raise Misfit(expected, f"{phrase(value)} ({why})") from error


def declare(param_type: object) -> DeclaredType:
    """The declared type that decodes as this inference-schema ParameterType says.

    Who decides is the class that defines `deserialize_input`: a stock class gets our codec, any other
    class (also one derived from a stock class) keeps its own decoding.

    Raises:
        TypeError: if the object has no `deserialize_input`, so is no ParameterType.
    """
    owner = next((base for base in type(param_type).__mro__ if "deserialize_input" in vars(base)), None)
    if owner is None:
        raise TypeError(f"{type(param_type).__name__} is no ParameterType: it has no deserialize_input")
    build = _STOCK.get((owner.__module__, owner.__name__), CustomType)
    return build(param_type)


def _numpy(param_type: ParameterType) -> DeclaredType:
    from scoringhost.schema.numpy_codec import NumpyCodec  # numpy only if the script declares an array

    return NumpyCodec(
        param_type.sample_input,
        enforce_dtype=param_type.enforce_column_type,
        enforce_shape=param_type.enforce_shape,
    )


def _pandas(param_type: ParameterType) -> DeclaredType:
    from scoringhost.schema.pandas_codec import PandasCodec  # pandas only if the script declares a frame

    return PandasCodec(
        param_type.sample_input,
        orient=param_type.orient,
        enforce_dtypes=param_type.enforce_column_type,
        enforce_shape=param_type.enforce_shape,
        apply_names=param_type.apply_column_names,
    )


def _standard(param_type: ParameterType) -> DeclaredType:
    sample_type = param_type.sample_data_type
    if sample_type is dict:
        members = {name: declare(member) for name, member in param_type.sample_data_type_map.items()}
        return ObjectOf(members, is_whole=len(members) == len(param_type.sample_input))
    if sample_type in (list, tuple) and param_type.sample_data_type_list:
        return ListOf(declare(param_type.sample_data_type_list[0]))
    return plain_type(sample_type, param_type.sample_input)


_STOCK: dict[tuple[str, str], Callable[[ParameterType], DeclaredType]] = {
    (_MODULES + "numpy_parameter_type", "NumpyParameterType"): _numpy,
    (_MODULES + "pandas_parameter_type", "PandasParameterType"): _pandas,
    (_MODULES + "standard_py_parameter_type", "StandardPythonParameterType"): _standard,
}
