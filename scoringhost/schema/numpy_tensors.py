"""Tensors of arrays: their metadata from a sample, arrays as they go into tensors, and as they come out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoringhost.schema.declared import Misfit
from scoringhost.schema.json_values import Converter
from scoringhost.schema.numpy_decoders import CAST_ERRORS, decoder
from scoringhost.schema.tensor_metadata import DATETIME, NUMPY, TEXT, VARIABLE, TensorMetadata, datatype_of
from scoringhost.schema.tensors import texts_of

Array = NDArray[Any]


def metadata(dtype: np.dtype[Any], shape: tuple[int, ...], *, enforce_shape: bool) -> tuple[TensorMetadata, ...]:
    """One tensor of a sample's shape but for its first axis; of records one for each field."""
    axes: tuple[int, ...] = (1,)
    if shape:
        axes = (VARIABLE, *shape[1:]) if enforce_shape else (VARIABLE,) * len(shape)
    if dtype.names is None:
        content_type = {"M": DATETIME, "m": TEXT}.get(dtype.kind, NUMPY)
        return (TensorMetadata("", datatype_of(dtype), axes, content_type),)
    fields = []
    for name in dtype.names:
        field = dtype[name]
        inner = metadata(field.base, (1, *field.shape), enforce_shape=True)
        fields += [TensorMetadata(name, one.datatype, (*axes, *field.shape), one.content_type) for one in inner]
    return tuple(fields)


def to_tensor(array: Array) -> Array:
    """Numbers as they are, in native bytes; everything else as objects: text, bytes, None for a missing time."""
    kind = array.dtype.kind
    if kind in "Mm":
        texts = Converter(keeps_nonfinite=False).convert(array)
        done = np.empty(array.shape, dtype=object)
        done[...] = np.array(texts, dtype=object).reshape(array.shape)
        return done
    if datatype_of(array.dtype) == "BYTES":
        return array.astype(object)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def cells_for(array: Array, dtype: np.dtype[Any], expected: str) -> Array | list[Any]:
    """What of a tensor is to be decoded to a dtype: the array itself, or nested lists of its texts.

    Raises:
        Misfit: if it holds BYTES and the dtype is one of numbers, or bytes that are no UTF-8 where text is wanted.
    """
    if array.dtype.kind not in "OSU" or dtype.kind == "O":
        return array.copy() if array.dtype.kind == "O" else array
    if dtype.kind not in "USMm":
        raise Misfit(expected, "BYTES")
    if not array.size:
        return np.empty(array.shape, dtype)
    cells: list[Any] = (array.astype(object) if dtype.kind == "S" else texts_of(array)).tolist()
    return cells


def records_of(fields: dict[str, Array], dtype: np.dtype[Any], expected: str) -> Array:
    """Records from an array for each field.

    Raises:
        Misfit: if a field is missing, or the shapes differ; `path` names the field.
    """
    shapes = set()
    columns: dict[str, Array] = {}
    for name in dtype.names or ():
        if name not in fields:
            raise Misfit(expected, "no such tensor", f".{name}")
        inner = dtype[name].ndim
        array = fields[name]
        if array.ndim < inner or array.shape[array.ndim - inner :] != dtype[name].shape:
            raise Misfit(f"{name} of shape {dtype[name].shape}", f"shape {array.shape}", f".{name}")
        shapes.add(array.shape[: array.ndim - inner])
        columns[name] = _field(name, array, dtype[name].base)
    if len(shapes) != 1:
        raise Misfit("fields of one shape", f"shapes {', '.join(map(str, sorted(shapes)))}")
    layout = np.dtype([(name, column.dtype, dtype[name].shape) for name, column in columns.items()])
    records = np.empty(shapes.pop(), dtype=layout)
    for name, column in columns.items():
        records[name] = column
    return records


def _field(name: str, array: Array, dtype: np.dtype[Any]) -> Array:
    """The values of one field: numbers as they are, texts decoded."""
    try:
        cells = cells_for(array, dtype, str(dtype))
        return decoder(dtype)(cells) if isinstance(cells, list) else cells
    except Misfit as misfit:
        raise misfit.under(f".{name}") from None
    except CAST_ERRORS as error:
        raise Misfit(str(dtype), "a text that does not fit", f".{name}") from error
