"""Whole inference requests joined to one, as MLServer's adaptive batching does for its runtimes.

Inputs are joined by name along axis 0, outputs taken apart along theirs. Only requests that say the same are joined:
the same inputs of the same datatypes and inner shapes, the same outputs asked for, the same parameters. So nobody is
answered by what another has asked for (in MLServer the last request of a batch has its way). Of the inputs, parameters
of a model's own are joined to lists, one value for each request, and lists of as many values in outputs are taken
apart. A request that is not joined has them as they are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from scoringhost.inference.messages import InferenceRequest, InferenceResponse, Tensor
from scoringhost.kernel.row_evidence import RowEvidence
from scoringhost.schema.joining import NotDivisible

HEADERS, CONTENT_TYPE = "headers", "content_type"
_OF_THE_PROTOCOL = frozenset({HEADERS, CONTENT_TYPE})


class Promised(RowEvidence):
    """Nothing has to be shown: who writes such a runtime, and turns batching on, says that its outputs have a row for
    each row that came in. One that has not ends it.
    """

    @property
    def is_shown(self) -> bool:
        """Whether calls may be joined."""
        return not self.ended

    def divides(self, output: object) -> bool:
        """Whether a joined result may be taken apart, as far as it is one."""
        return not self.ended

    def take_alone(self, output: object, rows: int) -> str:
        """The result of a call alone says nothing."""
        return self.ended


class ByRequest:
    """The requests that a run() takes as its only argument."""

    def evidence(self) -> RowEvidence:
        """Nothing but what `divide` finds."""
        return Promised()

    def rows(self, arguments: Mapping[str, Any]) -> int:
        """The length of the first axis, at least 1."""
        request = _only(arguments)
        if not isinstance(request, InferenceRequest) or not request.inputs or not request.inputs[0].array.ndim:
            return 1
        return max(1, len(request.inputs[0].array))

    def key(self, arguments: Mapping[str, Any]) -> tuple[Hashable, ...] | None:
        """What two requests must have in common; None for one that has not one number of rows, or wants a stream."""
        request = _only(arguments)
        if not isinstance(request, InferenceRequest) or request.wants_stream or not request.inputs:
            return None
        rows = {len(tensor.array) if tensor.array.ndim else -1 for tensor in request.inputs}
        if len(rows) != 1 or rows == {-1}:
            return None
        tensors = frozenset(
            (one.name, one.datatype, one.array.shape[1:], _said(one.parameters, {CONTENT_TYPE}), _own_names(one))
            for one in request.inputs
        )
        outputs = tuple((one.name, _said(one.parameters)) for one in request.outputs)
        parameters = {name: value for name, value in request.parameters.items() if name != HEADERS}
        return tensors, outputs, _said(parameters)

    def join(self, sets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """One request of all; without an id, and with the headers that all have in common."""
        name = next(iter(sets[0]))
        requests: list[InferenceRequest] = [_only(arguments) for arguments in sets]
        first = requests[0]
        by_name = [{tensor.name: tensor for tensor in request.inputs} for request in requests]
        inputs = [_joined([tensors[one.name] for tensors in by_name]) for one in first.inputs]
        parameters = dict(first.parameters)
        if HEADERS in parameters:
            parameters[HEADERS] = _common([request.parameters.get(HEADERS) or {} for request in requests])
        return {name: replace(first, inputs=inputs, parameters=parameters, id=None)}

    def divide(self, output: object, sets: Sequence[Mapping[str, Any]], rows: Sequence[int]) -> list[Any]:
        """The response of all as one for each.

        Raises:
            NotDivisible: if it is none, or an output has not one row for each that came in.
        """
        if not isinstance(output, InferenceResponse):
            raise NotDivisible(f"a {type(output).__name__} is no response")
        total, ends = sum(rows), list(accumulate(rows))
        for tensor in output.outputs:
            found = len(tensor.array) if tensor.array.ndim else 0
            if found != total:
                raise NotDivisible(f"output {tensor.name!r} has {found} rows for {total}")
        return [
            replace(output, id=None, outputs=[_piece(one, at, ends, len(rows)) for one in output.outputs])
            for at in range(len(rows))
        ]


def _only(arguments: Mapping[str, Any]) -> Any:
    return next(iter(arguments.values()))


def _said(parameters: Mapping[str, Any], names: set[str] | None = None) -> str:
    """Parameters as something that can be compared."""
    kept = {name: value for name, value in parameters.items() if names is None or name in names}
    return json.dumps(kept, sort_keys=True, default=repr) if kept else ""


def _own_names(tensor: Tensor) -> tuple[str, ...]:
    return tuple(sorted(name for name in tensor.parameters if name not in _OF_THE_PROTOCOL))


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    numpy: Any = sys.modules["numpy"]  # which has made their arrays
    array = numpy.concatenate([tensor.array for tensor in tensors])
    first = tensors[0]
    parameters = {
        name: value if name in _OF_THE_PROTOCOL else [tensor.parameters[name] for tensor in tensors]
        for name, value in first.parameters.items()
    }
    return Tensor(first.name, first.datatype, array.shape, array, parameters)


def _common(headers: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers[0].items() if all(one.get(name) == value for one in headers)}


def _piece(tensor: Tensor, at: int, ends: Sequence[int], calls: int) -> Tensor:
    """The part of an output that is for one of the calls."""
    array = tensor.array[(ends[at - 1] if at else 0) : ends[at]]
    parameters = {
        name: value[at] if name not in _OF_THE_PROTOCOL and isinstance(value, list) and len(value) == calls else value
        for name, value in tensor.parameters.items()
    }
    return Tensor(tensor.name, tensor.datatype, array.shape, array, parameters)
