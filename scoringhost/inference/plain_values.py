"""Plain values in place of tensors: a request of an object by the names of a model's inputs, lists of a response.

For models that take whole inference requests, and are asked as a script is. Columns may come by their names, or all
of them as a table under `data`, as records, as rows in the order of the inputs, or with `columns` beside `data`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoringhost.errors import InvalidTensor, MissingTensor, UndecodableBody, UnknownTensor
from scoringhost.inference.codecs import find_input_codec
from scoringhost.inference.input_codecs import JsonCodec, NumpyCodec, StringCodec
from scoringhost.inference.messages import InferenceRequest, InferenceResponse, Tensor
from scoringhost.inference.model_metadata import NamedTensor, PlainInputs
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue, Misfit, phrase
from scoringhost.schema.tensor_metadata import JSON

TABLE = ("data", "input_data")
"""The keys that stand for all inputs, or for the only one: Azure ML's names."""


def is_request(values: Mapping[str, Any], inputs: PlainInputs) -> bool:
    """Whether an object is an inference request by itself: it has `inputs`, and that is no input's name."""
    return "inputs" in values and "inputs" not in inputs.known


def request_of(values: Mapping[str, Any], inputs: PlainInputs) -> InferenceRequest:
    """The request that an object of plain values stands for.

    Raises:
        UndecodableBody, MissingTensor, UnknownTensor, InvalidTensor: names the input at fault.
    """
    given = dict(values)
    parameters = given.pop("parameters", None) or {}
    id = given.pop("id", None)
    if not isinstance(parameters, dict) or not (id is None or isinstance(id, str)):
        raise UndecodableBody("'parameters' should be an object, and 'id' a text")
    table = next((key for key in TABLE if key in given and key not in inputs.known), None)
    if table is not None and len(given) == 1:
        given = _of_table(given[table], inputs, table)
    tensors = [_tensor(str(name), value, inputs) for name, value in given.items()]
    for name, known in inputs.known.items():
        if name not in given and known is not None and not known.optional:
            raise MissingTensor(name, tuple(inputs.known))
    return InferenceRequest(tensors, [], id, parameters)


def _tensor(name: str, value: Any, inputs: PlainInputs) -> Tensor:
    if name not in inputs.known and not inputs.takes_others:
        raise UnknownTensor("input", name, tuple(inputs.known))
    try:
        wanted = inputs.known.get(name)
        return tensor_by_value(name, value) if wanted is None else tensor_as(wanted, value)
    except Misfit as misfit:
        raise InvalidTensor(name + misfit.path, misfit.expected, misfit.got) from None


def tensor_as(wanted: NamedTensor, value: Any) -> Tensor:
    """The tensor of that input.

    Raises:
        Misfit: if the value is none of its datatype.
    """
    from scoringhost.inference import numpy_elements

    data, shape = _flat(value, wanted)
    return Tensor(wanted.name, wanted.datatype, shape, numpy_elements.from_json(data, wanted.datatype, shape))


def _flat(value: Any, wanted: NamedTensor) -> tuple[JsonValue, tuple[int, ...]]:
    """The data and the shape of a value; what is to be JSON text is written as such."""
    if wanted.content_type == JSON:
        return [json_text.dumps(value).decode("utf-8")], (1,)
    if not isinstance(value, list):
        return [value], (1,)
    shape, level = [], value
    while isinstance(level, list):
        shape.append(len(level))
        if not level:
            break
        level = level[0]
    return value, tuple(shape)


def tensor_by_value(name: str, value: Any) -> Tensor:
    """A value that there is a codec for: an array, a list, a text, bytes, a date, a number, or what JSON holds.

    Raises:
        Misfit: if it holds what tensors cannot.
    """
    codec = find_input_codec(value)
    if codec is not None:
        return codec.encode(name, value)
    if isinstance(value, str):
        return StringCodec().encode(name, [value])
    if not isinstance(value, (list, tuple)):
        single = find_input_codec([value])  # bytes, or a date
        if single is not None and not isinstance(value, (dict, type(None))):
            return single.encode(name, [value])
    from scoringhost.inference.numpy_values import array_of_numbers

    array = array_of_numbers(value)
    if array is None:
        return JsonCodec().encode(name, value)
    tensor = NumpyCodec().encode(name, array)
    tensor.parameters = {}
    return tensor


# -- tables -----------------------------------------------------------------------------------------


def _of_table(value: Any, inputs: PlainInputs, key: str) -> dict[str, Any]:
    """The values by the names of the inputs, of a table or of what the only input takes."""
    only = next(iter(inputs.known)) if len(inputs.known) == 1 and not inputs.takes_others else None
    columns = list(inputs.known)
    rows = value
    if isinstance(value, dict) and "columns" in value and "data" in value:
        columns, rows = value["columns"], value["data"]
    elif _are_records(value) and (only is None or only in value[0]):
        columns = list(value[0])
        rows = [_row_of(record, columns, at) for at, record in enumerate(value)]
    elif only is not None:
        return {only: value}
    return _by_columns(columns, rows, key)


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _row_of(record: Mapping[str, Any], columns: Sequence[str], at: int) -> list[Any]:
    if record.keys() != set(columns):
        raise UndecodableBody(f"Record {at} has the keys {', '.join(record)}, and the first one {', '.join(columns)}")
    return [record[column] for column in columns]


def _by_columns(columns: Any, rows: Any, key: str) -> dict[str, Any]:
    count = len(columns) if isinstance(columns, list) else -1
    are_rows = isinstance(rows, list) and all(isinstance(row, list) and len(row) == count for row in rows)
    if not are_rows or not rows:
        expected = f"records, or rows of {count} values" if count > 0 else "records, or columns and data"
        raise UndecodableBody(f"{key!r} should be a table, {expected}, not {phrase(rows)}")
    return {str(column): [row[at] for row in rows] for at, column in enumerate(columns)}


# -- responses --------------------------------------------------------------------------------------


def listed(response: InferenceResponse) -> Any:
    """The outputs as plain values: the only one as a list, several as an object of such lists."""
    outputs = {tensor.name: _list(tensor) for tensor in response.outputs}
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def _list(tensor: Tensor) -> list[Any]:
    """An output as nested lists. MLServer's NumpyCodec writes n values as a column of n rows: they are a list again."""
    array = tensor.array
    if array.ndim == 2 and array.shape[1] == 1:
        array = array.reshape(-1)
    if tensor.datatype != "BYTES":
        return list(array.tolist())
    from scoringhost.inference.numpy_responses import textual

    elements: list[Any] = array.reshape(-1).tolist()
    textual(elements, tensor.parameters)
    if tensor.parameters.get("content_type") == JSON:
        elements = [json_text.loads(str(one).encode("utf-8", "surrogatepass")) for one in elements]
    if array.ndim < 2:
        return elements
    nested = array.astype(object)  # a copy
    nested.flat[:] = elements
    return list(nested.tolist())
