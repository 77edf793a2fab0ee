"""NumpyCodec: nested JSON lists to the array that a sample declares, without silent loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoringhost.schema import moments
from scoringhost.schema.declared import JsonValue, Misfit, phrase, shortened
from scoringhost.schema.numpy_casts import cast
from scoringhost.schema.numpy_decoders import (
    CAST_ERRORS,
    Decode,
    FieldError,
    decoder,
    first_misfit,
    records_of_any_depth,
)
from scoringhost.schema.numpy_tensors import cells_for, metadata, records_of, to_tensor
from scoringhost.schema.tensor_metadata import TensorMetadata, Tensors
from scoringhost.schema.tensors import texts_of, the_only

Array = NDArray[Any]

_MOST_DIMENSIONS = 64


class NumpyCodec:
    """Decodes to the sample's dtype and, but for the first axis, to its shape."""

    def __init__(self, sample: Array, *, enforce_dtype: bool = True, enforce_shape: bool = True) -> None:
        self._decode: Decode = decoder(sample.dtype, sample.ndim) if enforce_dtype else np.array
        if enforce_dtype and sample.dtype.names is not None and not enforce_shape:
            self._decode = lambda value: records_of_any_depth(value, sample.dtype, sample.ndim)
        self._sample_dtype = sample.dtype
        self._tensors = metadata(sample.dtype, sample.shape, enforce_shape=enforce_shape)
        self._enforced = sample.dtype if enforce_dtype else None
        self._single = sample.ndim == 0 and enforce_shape
        self.rows_are_objects = None if sample.ndim == 0 else sample.dtype.names is not None
        self.text_columns: frozenset[str] = frozenset()
        self._item_shape = sample.shape[1:] if enforce_shape else None
        self._ndim = max(sample.ndim, 1)
        self._record_depth = self._ndim if sample.dtype.names is not None else None
        self._kind = _kind(sample.dtype) if enforce_dtype else "any type"
        self._leaf = self._kind
        if sample.dtype.kind == "M" and enforce_dtype:
            self._leaf = f"{self._kind} ({moments.HOW})"
        self._expected = self._describe(sample.shape if enforce_shape else None)
        plain = enforce_dtype and not self._single and sample.dtype.isnative
        self.buffer_kind = {"f": "d", "i": "i", "u": "i"}.get(sample.dtype.kind) if plain else None
        self._dtype = sample.dtype if self.buffer_kind and sample.dtype.itemsize <= 8 else None

    def _describe(self, shape: tuple[int, ...] | None) -> str:
        if shape is None:
            return f"an array of {self._kind}"
        if shape == ():
            return f"one {self._kind}"
        return f"an array of shape ({', '.join(['*', *map(str, shape[1:])])}) of {self._kind}"

    def to_python(self, value: JsonValue) -> object:
        """Answer a new array of shape (n, *sample.shape[1:]).

        An array that comes as one is checked like a list, and is answered itself if it fits as it is.

        Numbers may come as text where numpy reads it; null is NaN or NaT where the dtype has one.
        Text dtypes grow to hold what came. A sample without dimensions takes a single value.

        Raises:
            Misfit: if shape or kind differ, or if the dtype cannot hold a value unchanged.
        """
        if isinstance(value, np.ndarray):
            return self._checked(value)
        if self._single:
            value = [value]
        elif not isinstance(value, list):
            raise Misfit(self._expected, phrase(value))
        try:
            array = self._decode(value)
        except CAST_ERRORS as error:
            raise self._misfit(value) from error
        if self._item_shape is not None and (array.ndim != self._ndim or array.shape[1:] != self._item_shape):
            got = array.shape[1:] if self._single else array.shape
            raise Misfit(self._expected, shortened(f"shape {got}"))
        return array.reshape(()).copy() if self._single else array

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """One tensor; of records one for each field."""
        return self._tensors

    def from_tensors(self, tensors: Tensors) -> object:
        """The array of the tensor, checked and writable.

        Raises:
            Misfit: if dtype or shape differ, or a text does not fit.
        """
        if self._sample_dtype.names is not None:
            array = records_of(dict(tensors), self._sample_dtype, self._expected)
            return self.to_python(array.reshape(()) if self._single and array.size == 1 else array)
        array = the_only(tensors)
        if self._single and array.size == 1:
            array = array.reshape(())
        if self._enforced is None:
            return self._checked(texts_of(array))
        return self.to_python(cells_for(array, self._enforced, self._expected))

    def to_tensors(self, value: object) -> dict[str, Array]:
        """The array, or one for each field of its records.

        Raises:
            Misfit: if the value does not fit.
        """
        array = self.to_python(value)
        assert isinstance(array, np.ndarray)
        if self._single:
            array = array.reshape(1)
        if array.dtype.names is None:
            return {"": to_tensor(array)}
        return {name: to_tensor(array[name]) for name in array.dtype.names}

    def _checked(self, array: Array) -> Array:
        """The array in the sample's dtype and writable: a new one only if it has to be."""
        shape = array.shape
        if self._single:
            fits = shape == ()
        else:
            fits = self._item_shape is None or (array.ndim == self._ndim and shape[1:] == self._item_shape)
        if not fits:
            raise Misfit(self._expected, shortened(f"shape {shape}"))
        if self._enforced is not None:
            array = self._cast(array, self._enforced)
        return array if array.flags.writeable else array.copy()

    def _cast(self, array: Array, dtype: np.dtype[Any]) -> Array:
        if array.dtype.kind != "O" or dtype.kind == "O":
            return cast(array, dtype)
        if not array.size:
            return np.empty(array.shape, dtype)
        # Objects have no kind of their own: they are what they would be in a list.
        decoded = self.to_python(array.tolist())
        return np.asarray(decoded)

    def from_buffer(self, buffer: Any, shape: tuple[int, ...]) -> object | None:
        """An array from a flat buffer of float64 or int64, as `buffer_kind` says; None if it does not fit."""
        if self._dtype is None:
            return None
        if self._item_shape is not None and (len(shape) != self._ndim or shape[1:] != self._item_shape):
            return None
        flat = np.frombuffer(buffer, np.float64 if self.buffer_kind == "d" else np.int64)
        if flat.size != math.prod(shape):
            return None
        array = flat.reshape(shape)
        if self.buffer_kind == "d":
            with np.errstate(all="ignore"):  # too large for a short float is infinite
                return array.astype(self._dtype, copy=False)
        limits = np.iinfo(self._dtype)
        if array.size == 0 or array.min() < limits.min or array.max() > limits.max:
            return None
        return array.astype(self._dtype, copy=False)

    def _misfit(self, value: list[JsonValue]) -> Misfit:
        """Lead to the innermost item, or record, that does not decode by itself."""
        path, part = "", value
        for depth in range(1, _MOST_DIMENSIONS):
            position = first_misfit(part, self._decode)
            if position is None:
                return Misfit(self._expected, "lists of unequal length or depth", path)
            path, part = f"{path}[{position}]", part[position]
            if not isinstance(part, list) or depth == self._record_depth:
                return Misfit(self._leaf, phrase(part) + self._complaint(part), "" if self._single else path)
        return Misfit(self._expected, "lists that are nested too deeply")

    def _complaint(self, part: JsonValue) -> str:
        try:
            self._decode([part])
        except CAST_ERRORS as error:
            return f" {error}" if isinstance(error, FieldError) else ""
        return ""


def _kind(dtype: np.dtype[Any]) -> str:
    if dtype.names is None:
        return str(dtype)
    return shortened("records of " + ", ".join(f"{name} ({dtype[name]})" for name in dtype.names))
