"""Between the host's own requests and responses and those of MLServer's types.

The types are ours, or those of the real package, where a runtime is made with that: whoever calls passes the module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from scoringhost.inference.input_codecs import bytes_tensor
from scoringhost.inference.messages import InferenceRequest, InferenceResponse, RequestedOutput, Tensor
from scoringhost.runtimes.mlserver import types as own_types
from scoringhost.runtimes.mlserver.errors import CodecError
from scoringhost.schema.declared import phrase
from scoringhost.schema.tensor_metadata import DATATYPES, datatype_of


def request_for_runtime(request: InferenceRequest, types: Any) -> Any:
    """The request as a runtime gets it, in types of that module."""
    outputs = None
    if request.outputs:
        outputs = [
            _made(types.RequestOutput, name=one.name, parameters=_parameters(one, types)) for one in request.outputs
        ]
    return _made(
        types.InferenceRequest,
        id=request.id,
        parameters=_parameters(request, types),
        inputs=[request_input(tensor, types) for tensor in request.inputs],
        outputs=outputs,
    )


def request_input(tensor: Tensor, types: Any = own_types) -> Any:
    """A tensor as an input of a request."""
    return _made(types.RequestInput, **_fields(tensor, types))


def response_output(tensor: Tensor, types: Any = own_types) -> Any:
    """A tensor as an output of a response."""
    return _made(types.ResponseOutput, **_fields(tensor, types))


def _fields(tensor: Tensor, types: Any) -> dict[str, Any]:
    data: Any
    if types is own_types:
        data = own_types.TensorData.of(tensor.array)
    else:
        data = types.TensorData.model_construct(root=tensor.array.ravel().tolist())
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "datatype": tensor.datatype,
        "parameters": _parameters(tensor, types),
        "data": data,
    }


def _made(kind: Any, **fields: Any) -> Any:
    """A model of these fields, which are known to fit; those that are None are not set."""
    return kind.model_construct(**{name: value for name, value in fields.items() if value is not None})


def _parameters(of: Any, types: Any) -> Any:
    return types.Parameters.model_construct(**of.parameters) if of.parameters else None


def parameters_of(item: Any) -> dict[str, Any]:
    """The parameters of a request, a response or a tensor of any of these types, without what a codec has kept."""
    said = getattr(item, "parameters", None)
    if said is None:
        return {}
    found = said if isinstance(said, Mapping) else said.model_dump()
    return {name: value for name, value in found.items() if value is not None and not name.startswith("_")}


def request_of(request: Any) -> InferenceRequest:
    """A request of any of these types as the host's own.

    Raises:
        CodecError: if the elements of a tensor are not of its datatype, or not of its shape.
    """
    outputs = [RequestedOutput(one.name, parameters_of(one)) for one in request.outputs or ()]
    inputs = [tensor_of(one) for one in request.inputs]
    return InferenceRequest(inputs, outputs, request.id, parameters_of(request))


def response_of(response: Any) -> InferenceResponse:
    """A response of any of these types as the host's own.

    Raises:
        CodecError: if the elements of a tensor are not of its datatype, or not of its shape.
    """
    outputs = [tensor_of(one) for one in response.outputs]
    return InferenceResponse(response.model_name, outputs, response.model_version, response.id, parameters_of(response))


def tensor_of(item: Any) -> Tensor:
    """An input of a request, or an output of a response, as a tensor.

    Raises:
        CodecError: if the elements are not of its datatype, or not as many as its shape says.
    """
    datatype = str(getattr(item.datatype, "value", item.datatype))
    if datatype not in DATATYPES:
        raise CodecError(f"{item.name!r} has the unknown datatype {datatype!r}")
    shape = tuple(item.shape)
    array = getattr(item.data, "array", None)
    if array is None or (datatype_of(array.dtype) != datatype):
        array = _array(item, datatype)
    tensor = Tensor(item.name, datatype, shape, array, parameters_of(item))
    if array.size == _count(shape):
        tensor.array = array.reshape(shape)
    elif datatype != "BYTES":
        raise CodecError(f"{item.name!r} has the shape {list(shape)} and {array.size} elements")
    return tensor


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for axis in shape:
        count *= axis
    return count


def _array(item: Any, datatype: str) -> Any:
    data = getattr(item.data, "root", item.data)
    if isinstance(data, np.ndarray) and datatype != "BYTES":
        return data.astype(DATATYPES[datatype].numpy)
    if isinstance(data, (str, bytes)) or not hasattr(data, "__iter__"):
        data = [data]
    if datatype == "BYTES":
        elements = [_bytes_element(one, item.name) for one in _flat(data)]
        return bytes_tensor(item.name, elements, (len(elements),)).array
    numbers = list(_flat(data))
    if datatype.startswith("FP"):
        numbers = [np.nan if one is None else one for one in numbers]
    try:
        return np.array(numbers, dtype=DATATYPES[datatype].numpy)
    except (TypeError, ValueError, OverflowError) as problem:
        raise CodecError(f"{item.name!r} holds what is no {datatype}: {problem}") from None


def _flat(data: Any) -> Iterator[Any]:
    for element in data:
        if isinstance(element, (list, tuple, np.ndarray)):
            yield from _flat(element)
        else:
            yield element


def _bytes_element(element: Any, name: str) -> Any:
    """Text and bytes as they are; MLServer takes a number, an object or a list for its JSON."""
    if element is None or isinstance(element, (str, bytes)):
        return element
    raise CodecError(f"{name!r} is of BYTES, and holds {phrase(element)}")
