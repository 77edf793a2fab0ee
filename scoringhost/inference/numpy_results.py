"""Tensors of a result of which nothing is declared, by what it is.

Imported when the first such result is to be sent, not before: it needs numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scoringhost.errors import ResultNotEncodable
from scoringhost.inference.messages import InferenceResponse
from scoringhost.schema.json_values import is_a
from scoringhost.schema.numpy_arrays import array_of
from scoringhost.schema.numpy_tensors import to_tensor
from scoringhost.schema.output import FIRST_OUTPUT
from scoringhost.schema.tensor_metadata import DATETIME, JSON, NUMPY, TEXT, Array
from scoringhost.schema.tensors import json_tensor

Found = dict[str, tuple[Array, str | None]]
"""Arrays with their content types, by the names of the outputs."""

_OUTPUT = FIRST_OUTPUT.removesuffix("0")
_SCALARS: dict[type, Any] = {bool: np.bool_, int: np.int64, float: np.float64, str: np.object_}


def tensors_of(output: object) -> Found:
    """The tensors of a result: one for each member of a dict of arrays, column of a frame, and part of a tuple.

    Anything else is `output-0`: an array, a scalar, a list of numbers or of text as such, all other as JSON text.

    Raises:
        ResultNotEncodable: if JSON cannot hold it.
    """
    if type(output) is list:
        return {FIRST_OUTPUT: _one(output)}
    if isinstance(output, dict) and output:
        members = {str(name): _array_of(value) for name, value in output.items()}
        if all(found is not None for found in members.values()):
            return members  # type: ignore[return-value]
        return {FIRST_OUTPUT: as_json(output)}
    if is_a(output, "pandas", "DataFrame"):
        frame: Any = output
        return {str(label): _one(frame.iloc[:, at]) for at, label in enumerate(frame.columns)}
    if isinstance(output, tuple) and output:
        return {f"{_OUTPUT}{at}": _one(value) for at, value in enumerate(output)}
    return {FIRST_OUTPUT: _one(output)}


def as_json(output: object) -> tuple[Array, str]:
    """The JSON text of a result, as the only element."""
    return json_tensor(output)[""], JSON


def _one(value: object) -> tuple[Array, str | None]:
    return _array_of(value) or as_json(value)


def _array_of(value: object) -> tuple[Array, str | None] | None:
    """A value as an array, if it is one, or a scalar or a list of such of one type; else None."""
    if type(value) is list:
        return _of_list(value) if value else None
    if isinstance(value, (np.ndarray, np.generic)):
        return _of_numpy(np.asarray(value))
    if is_a(value, "pandas", "Series"):
        series: Any = value
        return _of_numpy(series.to_numpy())
    return _of_list([value]) if type(value) in _SCALARS else None


def _of_numpy(array: Any) -> tuple[Array, str | None] | None:
    if array.dtype.names is not None or array.dtype.kind in "cV":
        return None
    if array.ndim == 0:
        array = array.reshape(1)
    if array.dtype.kind == "O" and not all(type(one) in (str, bytes) for one in array.reshape(-1).tolist()):
        return None
    kind = {"M": DATETIME, "m": TEXT, "O": TEXT, "U": TEXT, "S": TEXT}.get(array.dtype.kind, NUMPY)
    return to_tensor(array), kind


def _of_list(value: list[Any]) -> tuple[Array, str | None] | None:
    kinds = set(map(type, value))
    try:
        if kinds == {list}:  # only of numbers: nested text is rarely a tensor
            array = np.array(value)
            return (array, None) if array.dtype.kind in "iuf" else None
        if kinds == {int, float}:
            return np.array(value, np.float64), None
        if len(kinds) != 1 or not kinds <= _SCALARS.keys():
            return None
        kind = kinds.pop()
        return (array_of(value, "BYTES"), TEXT) if kind is str else (np.array(value, _SCALARS[kind]), None)
    except (ValueError, OverflowError):  # lists of several lengths, or numbers beyond 64 bits
        return None


def copied(response: InferenceResponse) -> InferenceResponse:
    """The same with arrays of its own, which the next step of a stream cannot change."""
    return replace(response, outputs=[replace(one, array=one.array.copy()) for one in response.outputs])


def joined(responses: Sequence[InferenceResponse]) -> InferenceResponse:
    """The responses for the items of a stream as one, each output along its first axis.

    Raises:
        ResultNotEncodable: if there are none, or they do not have the same outputs of one datatype and shape.
    """
    if not responses:
        raise ResultNotEncodable("run() has yielded nothing, and an answer has tensors")
    first = responses[0]
    outputs = []
    for at, tensor in enumerate(first.outputs):
        parts = [response.outputs[at] for response in responses if len(response.outputs) == len(first.outputs)]
        kinds = {(part.name, part.datatype, part.array.shape[1:]) for part in parts}
        if len(parts) != len(responses) or len(kinds) != 1:
            raise ResultNotEncodable(f"what run() yields cannot be joined: {tensor.name!r} is not always the same")
        array = np.concatenate([part.array for part in parts])
        outputs.append(replace(tensor, array=array, shape=array.shape))
    return replace(first, outputs=outputs)
