"""RunOutputs: the outputs of a model, and the tensors of what its run() returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from scoringhost.errors import UnknownTensor
from scoringhost.inference.messages import Parameters, RequestedOutput, Tensor
from scoringhost.inference.model_metadata import NamedTensor
from scoringhost.schema.declared import Misfit
from scoringhost.schema.output import FIRST_OUTPUT, DeclaredOutput
from scoringhost.schema.tensor_metadata import BASE64, DATETIME, JSON, JSON_TENSOR, NUMPY, TEXT, Array, datatype_of
from scoringhost.script.signature import Takes

Found = dict[str, tuple[Array, str | None]]
"""Arrays with their content types, by the names of the outputs."""

_NONE: Parameters = {}
_PARAMETERS: dict[str | None, Parameters] = {
    None: _NONE,
    **{kind: {"content_type": kind} for kind in (JSON, DATETIME, TEXT, BASE64, NUMPY)},
}


@cache
def _results() -> Any:
    """What makes tensors of undeclared results; it needs numpy, which is only imported if somebody asks for tensors."""
    from scoringhost.inference import numpy_results

    return numpy_results


class RunOutputs:
    """The outputs of one run()."""

    def __init__(self, declared: DeclaredOutput, takes: Takes, notice: Callable[[str], None]) -> None:
        """`notice` is told, once, if a result is not what is declared."""
        self._declared, self._is_text = declared, takes is Takes.TEXT
        self._notice: Callable[[str], None] | None = notice
        tensors = declared.tensors()
        if self._is_text and not tensors:
            tensors = (JSON_TENSOR.under(FIRST_OUTPUT),)
        self.tensors = tuple(map(NamedTensor.of, tensors))
        self._known = {tensor.name: tensor for tensor in self.tensors}
        self._parameters = {tensor.name: tensor.parameters for tensor in self.tensors}

    def check(self, requested: Sequence[RequestedOutput]) -> None:
        """Nothing, if the model may have those outputs.

        Raises:
            UnknownTensor: if it does not.
        """
        for one in requested:
            if self._known and one.name not in self._known:
                raise UnknownTensor("output", one.name, tuple(self._known))

    def of(self, output: object, requested: Sequence[RequestedOutput]) -> list[Tensor]:
        """The tensors of a result, those that are asked for.

        Raises:
            ResultNotEncodable: if they cannot be made.
            UnknownTensor: if one that is asked for is not among them.
        """
        tensors = {
            name: Tensor(name, datatype_of(array.dtype), array.shape, array, parameters)
            for name, (array, parameters) in self._arrays(output).items()
        }
        if not requested:
            return list(tensors.values())
        for one in requested:
            if one.name not in tensors:
                raise UnknownTensor("output", one.name, tuple(tensors))
        return [tensors[one.name] for one in requested]

    def _arrays(self, output: object) -> dict[str, tuple[Array, Parameters]]:
        if self._declared.is_declared:
            try:
                arrays = self._declared.to_tensors(output)
            except Misfit as misfit:
                self._tell_once(misfit)
            else:
                return {name: (array, self._parameters.get(name, _NONE)) for name, array in arrays.items()}
        from scoringhost.inference import numpy_results  # numpy only if somebody asks for tensors

        found: Found
        found = {FIRST_OUTPUT: numpy_results.as_json(output)} if self._is_text else numpy_results.tensors_of(output)
        return {name: (array, {"content_type": kind} if kind else _NONE) for name, (array, kind) in found.items()}

    def _tell_once(self, misfit: Misfit) -> None:
        if self._notice is not None:
            self._notice(f"a result is not what @output_schema says, so the tensors are those of the value: {misfit}")
            self._notice = None
