"""Arrays from JSON, for parameters that are annotated with `np.ndarray` or `NDArray[np.float32]` and have no sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np

from scoringhost.schema.declared import JsonValue
from scoringhost.schema.numpy_codec import NumpyCodec


def array_of_annotation(annotation: Any) -> tuple[str, Callable[[JsonValue], object], NumpyCodec]:
    """The name of the dtype that an annotation names, empty if any will do; its decoder; and the codec for tensors.

    Arrays of any rank are taken. The decoder raises Misfit.
    """
    dtype = _dtype_of(annotation)
    named = NumpyCodec(np.zeros(1, dtype), enforce_shape=False)
    if dtype is not None:
        return str(dtype), named.to_python, named
    anything = NumpyCodec(np.zeros(1), enforce_dtype=False, enforce_shape=False)

    def decode(value: JsonValue) -> object:
        array: Any = anything.to_python(value)
        # Whole numbers stay such. null is NaN, and text is refused: whoever wants it names a dtype.
        return array if array.dtype.kind in "biuf" else named.to_python(value)

    return "", decode, named


def _dtype_of(annotation: Any) -> np.dtype[Any] | None:
    """The dtype of `NDArray[np.float32]`, which is `np.ndarray[shape, np.dtype[np.float32]]`."""
    arguments = get_args(annotation)
    named = get_args(arguments[1]) if len(arguments) > 1 else ()
    if not named or not isinstance(named[0], type) or not issubclass(named[0], np.generic):
        return None
    is_abstract = bool(named[0].__subclasses__())  # such as np.floating
    return None if is_abstract else np.dtype(named[0])
