"""The JSON of ONNX Runtime Server, which served ONNX models of Azure ML: tensors as ONNX's TensorProto has them.

`{"inputs": {NAME: {"dims": ["1", "4"], "dataType": 1, "rawData": BASE64}}, "outputFilter": [NAME]}` is answered with
`{"outputs": {NAME: {...}}}` in the same form. Numbers are bytes, little-endian, in base64, or lists by their types
(`floatData` and the like); texts are `stringData`, each in base64. See onnx.proto, and protobuf's mapping to JSON,
which has whole numbers of 64 bits as texts.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoringhost.errors import InvalidParameter, UnknownTensor
from scoringhost.schema.declared import phrase

INPUTS, FILTER = "inputs", "outputFilter"
_STRING = 8
_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64",
}  # fmt: skip
"""numpy's names by the numbers of TensorProto.DataType."""
_NUMBERS = {np.dtype(name): number for number, name in _TYPES.items()}
_LISTS = ("floatData", "int32Data", "int64Data", "doubleData", "uint64Data")


@dataclass(frozen=True, slots=True)
class AsProtos:
    """Stands for the outputs that are asked for, in the form of ONNX Runtime Server; all of them if none is named."""

    names: Sequence[str]


def are_protos(value: object) -> bool:
    """Whether `inputs` of a body are tensors of this form."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(one, dict) and "dims" in one for one in value.values())
    )


def arguments(values: Mapping[str, Any], known: Sequence[str]) -> tuple[dict[str, Any], AsProtos]:
    """The inputs of a body as nested lists by their names, and the outputs that it asks for.

    Raises:
        UnknownTensor: if the graph has no such input.
        InvalidParameter: if a tensor, or the filter, is not what it should be.
    """
    found = {}
    for name, proto in values[INPUTS].items():
        if name not in known:
            raise UnknownTensor("input", name, tuple(known))
        found[name] = _array(name, proto).tolist()
    names = values.get(FILTER) or []
    if not isinstance(names, list):
        raise InvalidParameter(FILTER, "a list of the names of outputs", phrase(names))
    return found, AsProtos(names)


def _array(name: str, proto: Mapping[str, Any]) -> Any:
    try:
        shape = tuple(int(size) for size in proto["dims"])
        kind = int(proto.get("dataType", 0))
        if kind == _STRING:
            texts = [base64.b64decode(one, validate=True).decode("utf-8") for one in proto.get("stringData", [])]
            return np.array(texts, dtype=object).reshape(shape)
        dtype = np.dtype(_TYPES[kind])
        if "rawData" in proto:
            octets = base64.b64decode(proto["rawData"], validate=True)
            return np.frombuffer(octets, dtype.newbyteorder("<")).reshape(shape)
        numbers: list[Any] = next((proto[field] for field in _LISTS if field in proto), [])
        return np.array([float(one) if dtype.kind == "f" else int(one) for one in numbers], dtype).reshape(shape)
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        expected = "dims, dataType and rawData of a TensorProto that fit each other"
        raise InvalidParameter(name, expected, f"what does not ({str(problem)[:100]})") from None


def written(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The answer with some outputs, which are arrays."""
    return {"outputs": {name: _proto(array) for name, array in outputs.items()}}


def _proto(array: Any) -> dict[str, Any]:
    dims = [str(size) for size in array.shape]
    number = _NUMBERS.get(array.dtype)
    if number is None:
        texts = [base64.b64encode(str(one).encode()).decode() for one in array.reshape(-1)]
        return {"dims": dims, "dataType": _STRING, "stringData": texts}
    octets = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return {"dims": dims, "dataType": number, "rawData": base64.b64encode(octets).decode()}
