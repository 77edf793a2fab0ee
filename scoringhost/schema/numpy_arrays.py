"""Arrays of BYTES and of numbers from Python objects, for tensors; imported where those are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scoringhost.schema.declared import Misfit, phrase
from scoringhost.schema.tensor_metadata import DATATYPES, Array


def array_of(elements: Sequence[Any], datatype: str) -> Array:
    """A one-dimensional array of some elements.

    Raises:
        Misfit: if one is an integer that 64 bits cannot hold.
    """
    array = np.empty(len(elements), dtype=DATATYPES[datatype].numpy)
    for at, element in enumerate(elements):  # one by one: assigning all at once would look into lists
        try:
            array[at] = element
        except OverflowError:
            raise Misfit(datatype, phrase(element)) from None
    return array


def stacked(arrays: Sequence[Array]) -> Array:
    """Arrays of one shape as one with one more axis in front."""
    return np.stack(arrays)
