"""RunInputs: the inputs of a model, which are the parameters of its run(), and arguments from their tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scoringhost.errors import InvalidTensor, MissingTensor, UnknownTensor
from scoringhost.inference.messages import InferenceRequest, Tensor
from scoringhost.inference.model_metadata import NamedTensor
from scoringhost.schema.declared import DeclaredType, Misfit
from scoringhost.schema.tensor_metadata import Array
from scoringhost.schema.tensors import AsGiven, json_of, text_of
from scoringhost.script.signature import REQUIRED, Parameter, RunSignature, Takes


@dataclass(frozen=True, slots=True)
class _Source:
    """What one parameter is made of: its type, and the suffix of each of its tensors by the whole name."""

    parameter: Parameter
    type: DeclaredType
    suffixes: dict[str, str]


class RunInputs:
    """The inputs of one run()."""

    def __init__(self, signature: RunSignature) -> None:
        self._takes = signature.takes
        parameters = signature.parameters if signature.takes is Takes.NAMED else signature.parameters[:1]
        self._sources: list[_Source] = []
        tensors: list[NamedTensor] = []
        for parameter in parameters:
            declared = parameter.declared
            kind = AsGiven() if declared is None else declared.type
            is_optional = parameter.default is not REQUIRED or (declared is not None and declared.optional)
            suffixes = {}
            for one in kind.tensors():
                named = one if one.suffix and len(parameters) == 1 else one.under(parameter.name)
                suffixes[named.suffix] = one.suffix
                tensors.append(NamedTensor.of(named, optional=is_optional))
            self._sources.append(_Source(parameter, kind, suffixes))
        self.tensors = tuple(tensors)
        self._known = {tensor.name: tensor for tensor in tensors}

    def arguments(self, request: InferenceRequest) -> dict[str, Any]:
        """The arguments of run() from a request.

        Raises:
            MissingTensor, UnknownTensor, InvalidTensor: names the input at fault.
        """
        given: dict[str, Tensor] = {}
        for tensor in request.inputs:
            if tensor.name not in self._known:
                raise UnknownTensor("input", tensor.name, tuple(self._known))
            if tensor.name in given:
                raise InvalidTensor(tensor.name, "one tensor of that name", "several")
            given[tensor.name] = tensor
        if self._takes is Takes.TEXT:
            return {self._sources[0].parameter.name: self._text(given)}
        return {source.parameter.name: self._argument(source, given) for source in self._sources}

    def _text(self, given: dict[str, Tensor]) -> object:
        source = self._sources[0]
        name = source.parameter.name
        if name not in given:
            raise MissingTensor(name, tuple(self._known))
        arrays = {"": given[name].array}
        try:
            json_of(arrays)
            return text_of(arrays[""].reshape(-1)[0])
        except Misfit as misfit:
            raise InvalidTensor(name + misfit.path, misfit.expected, misfit.got) from None

    def _argument(self, source: _Source, given: dict[str, Tensor]) -> object:
        arrays: dict[str, Array] = {
            suffix: given[name].array for name, suffix in source.suffixes.items() if name in given
        }
        parameter = source.parameter
        if not arrays:
            if parameter.default is REQUIRED:
                raise MissingTensor(next(iter(source.suffixes)), tuple(self._known))
            return parameter.default
        try:
            return source.type.from_tensors(arrays)
        except Misfit as misfit:
            raise InvalidTensor(parameter.name + misfit.path, misfit.expected, misfit.got) from None
