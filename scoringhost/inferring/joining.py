"""Several requests as one: their tensors are joined along the first axis, and the response is taken apart again.

All of it in the protocol's JSON form. Only requests with the same inputs, but for the number of rows, and with the
same outputs and parameters are joined; so nobody gets what another has asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Shape = tuple[str, ...]


class NotDivisible(ValueError):
    """A response has not one item for each row that was sent."""


def shape_of(request: Json) -> Shape | None:
    """What requests that can be joined have in common; None for one that cannot be joined at all."""
    try:
        rows = {_rows(tensor) for tensor in request["inputs"]}
    except (KeyError, TypeError, ValueError):
        return None
    if len(rows) != 1:
        return None
    tensors = [
        [tensor["name"], tensor["datatype"], tensor["shape"][1:], tensor.get("parameters") or {}]
        for tensor in request["inputs"]
    ]
    common = (tensors, request.get("outputs") or [], request.get("parameters") or {})
    return tuple(json.dumps(part, sort_keys=True) for part in common)


def _rows(tensor: Json) -> int:
    """The rows of a tensor.

    Raises:
        ValueError: if its shape does not say how many elements there are, as in some requests of text.
    """
    shape = tensor["shape"]
    if not shape or any(type(axis) is not int or axis < 1 for axis in shape):
        raise ValueError(shape)
    if len(flat(tensor["data"])) != math.prod(shape):
        raise ValueError(shape)
    rows: int = shape[0]
    return rows


def flat(data: Any) -> list[Any]:
    """The elements of a tensor, however deep they are nested."""
    elements = data if isinstance(data, list) else [data]
    while elements and isinstance(elements[0], list):
        elements = [element for part in elements for element in part]
    return elements


@dataclass(frozen=True, slots=True)
class Joined:
    """One request for several. rows: of each."""

    request: Json
    rows: tuple[int, ...]

    def divide(self, response: Json) -> list[Json]:
        """What each of them gets of the response.

        Raises:
            NotDivisible: if an output has not one item for each row.
        """
        total = sum(self.rows)
        outputs = response.get("outputs") or []
        for output in outputs:
            if not output.get("shape") or output["shape"][0] != total:
                raise NotDivisible(f"output {output.get('name')!r} of shape {output.get('shape')} for {total} rows")
        elements = [flat(output["data"]) for output in outputs]
        parts, begin = [], 0
        for rows in self.rows:
            end = begin + rows
            own = [_part(output, data, begin, end) for output, data in zip(outputs, elements, strict=True)]
            parts.append({**response, "outputs": own})
            begin = end
        return parts


def _part(output: Json, elements: list[Any], begin: int, end: int) -> Json:
    item = math.prod(output["shape"][1:])
    return {**output, "shape": [end - begin, *output["shape"][1:]], "data": elements[begin * item : end * item]}


def joined(requests: Sequence[Json]) -> Joined:
    """Requests of one shape (see `shape_of`) as one."""
    first = requests[0]
    rows = tuple(int(request["inputs"][0]["shape"][0]) for request in requests)
    inputs = []
    for at, tensor in enumerate(first["inputs"]):
        data = [element for request in requests for element in flat(request["inputs"][at]["data"])]
        inputs.append({**tensor, "shape": [sum(rows), *tensor["shape"][1:]], "data": data})
    return Joined({**first, "inputs": inputs}, rows)
