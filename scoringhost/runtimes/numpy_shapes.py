"""The declared type of arrays with axes that are free and axes that are not, as graphs have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scoringhost.schema.declared import DeclaredType, JsonValue, Misfit, shortened
from scoringhost.schema.numpy_codec import NumpyCodec
from scoringhost.schema.tensor_metadata import VARIABLE, Array, TensorMetadata, Tensors


def array_type(dtype: str, shape: Sequence[int] | None) -> DeclaredType:
    """The type of arrays of a dtype and a shape, in which -1 is an axis of any length; None is any shape at all."""
    if shape is None:
        return NumpyCodec(np.zeros((1,), dtype), enforce_shape=False)
    if not shape or (shape[0] == VARIABLE and VARIABLE not in shape[1:]):
        return NumpyCodec(np.zeros([max(length, 1) for length in shape], dtype))
    return ShapedArray(dtype, tuple(shape))


class ShapedArray:
    """Arrays of which some axes are free: NumpyCodec's are but for the first axis as long as its sample's."""

    def __init__(self, dtype: str, shape: tuple[int, ...]) -> None:
        self._shape = shape
        sample = np.zeros([max(length, 1) for length in shape], dtype)
        self._codec = NumpyCodec(sample, enforce_shape=False)
        axes = ", ".join("*" if length == VARIABLE else str(length) for length in shape)
        self._expected = f"an array of shape ({axes}{',' if len(shape) == 1 else ''}) of {np.dtype(dtype)}"
        # A table or a file of rows can only be one value where the first axis is free.
        self.rows_are_objects = False if shape[0] == VARIABLE and len(shape) == 2 else None
        self.text_columns: frozenset[str] = frozenset()

    def to_python(self, value: JsonValue) -> object:
        """An array of the dtype.

        Raises:
            Misfit: if an element is of another kind, or the shape differs.
        """
        return self._checked(self._codec.to_python(value))

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """One tensor."""
        return tuple(replace(one, shape=self._shape) for one in self._codec.tensors())

    def from_tensors(self, tensors: Tensors) -> object:
        """The array of the tensor.

        Raises:
            Misfit: if dtype or shape differ.
        """
        return self._checked(self._codec.from_tensors(tensors))

    def to_tensors(self, value: object) -> dict[str, Array]:
        """The array.

        Raises:
            Misfit: if the value does not fit.
        """
        return self._codec.to_tensors(self.to_python(value))

    def _checked(self, array: Any) -> object:
        shape = array.shape
        is_as_long = (length in (VARIABLE, came) for length, came in zip(self._shape, shape, strict=False))
        if len(shape) != len(self._shape) or not all(is_as_long):
            raise Misfit(self._expected, shortened(f"shape {shape}"))
        return array
