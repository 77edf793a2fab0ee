"""What models return, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoringhost.schema.declared import Misfit, phrase
from scoringhost.schema.numpy_tensors import to_tensor
from scoringhost.schema.tensor_metadata import TEXT, VARIABLE, TensorMetadata, datatype_of

Array = NDArray[Any]


def as_array(result: Any) -> Any:
    """The result of a model as an array with one item for each row.

    Sparse matrices become full, tables lose their names. The probabilities of a model with several targets are a list
    of arrays, one for each target; if they are of one shape they become one array (rows, targets, classes).
    """
    if hasattr(result, "toarray"):
        return result.toarray()
    if isinstance(result, (list, tuple)) and result and all(isinstance(one, np.ndarray) for one in result):
        if len({one.shape for one in result}) != 1:
            rows = zip(*result, strict=True)
            return [[part.tolist() for part in row] for row in rows]
        return np.stack(result, axis=1)
    return np.asarray(result)


def tensor_of(value: object) -> Array:
    """An array as a tensor has it.

    Raises:
        Misfit: if it is none, and none can be made of it.
    """
    try:
        return to_tensor(np.asarray(value))
    except ValueError:
        raise Misfit("lists of one length", phrase(value)) from None


def metadata_of(name: str, result: Any) -> TensorMetadata:
    """The tensor that a result stands for, the first axis of which is of any length."""
    array = np.asarray(result)
    datatype = datatype_of(array.dtype)
    content_type = TEXT if datatype == "BYTES" else None
    return TensorMetadata(name, datatype, (VARIABLE, *array.shape[1:]), content_type)
