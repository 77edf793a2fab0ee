"""Large requests in JSON: the data of tensors of numbers from the text to arrays, without Python lists in between.

simdjson reads 1 MB of floats four times as fast as a JSON parser and numpy together. Whatever is not plainly such a
request is left to the ordinary way, which also finds the words for what is wrong. See `schema/large_arrays.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoringhost.schema.declared import JsonValue
from scoringhost.schema.large_arrays import brackets_in, buffer_of, lists_in, parsed

_BUFFERS = {"FP64": "d", "FP32": "d", "INT64": "i", "INT32": "i", "INT16": "i", "INT8": "i", "UINT64": "u"}
_BUFFERS |= {"UINT32": "i", "UINT16": "i", "UINT8": "i"}
_DTYPES: dict[str, Any] = {"d": np.float64, "i": np.int64, "u": np.uint64}


def read_data(body: bytes) -> dict[str, JsonValue] | None:
    """The request as JSON has it, but with arrays for the data of tensors; None if the ordinary way has to be taken.

    An array has the nesting as its shape, and float64, int64 or uint64 as its dtype.
    """
    return parsed(body, _request)


def _request(document: Any, body: bytes) -> dict[str, JsonValue] | None:
    """The request of a parsed document; every list in it is accounted for, so that no nesting is overlooked."""
    keys = list(document.keys())
    if "inputs" not in keys or len(set(keys)) != len(keys):
        return None
    message: dict[str, JsonValue] = {key: _plain(document[key]) for key in keys if key != "inputs"}
    brackets = sum(map(_lists_of, message.values())) + 1
    inputs = []
    for node in document["inputs"]:
        names = list(node.keys())
        if len(set(names)) != len(names):
            return None
        one = {name: _plain(node[name]) for name in names if name != "data"}
        brackets += sum(map(_lists_of, one.values()))
        if "data" in names:
            array = _array(node["data"], one.get("datatype"))
            if array is None:
                return None
            one["data"] = array
            brackets += lists_in(array.shape)
        inputs.append(one)
    message["inputs"] = inputs
    return message if brackets == brackets_in(body) else None


def _plain(node: Any) -> JsonValue:
    if hasattr(node, "as_dict"):
        return node.as_dict()
    return node.as_list() if hasattr(node, "as_list") else node


def _lists_of(value: JsonValue) -> int:
    """How many lists are in a value."""
    if isinstance(value, list):
        return 1 + sum(map(_lists_of, value))
    return sum(map(_lists_of, value.values())) if isinstance(value, dict) else 0


def _array(node: Any, datatype: JsonValue) -> NDArray[Any] | None:
    kind = _BUFFERS.get(datatype) if isinstance(datatype, str) else None
    if kind is None:
        return None
    found = buffer_of(node, kind)
    if found is None:
        return None
    buffer, shape = found
    return np.frombuffer(buffer, _DTYPES[kind]).reshape(shape)
