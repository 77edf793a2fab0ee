"""RunInputs: the inputs of a model, which are the parameters of its run(), and arguments from their tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scoringhost.errors import InvalidTensor, MissingTensor, UnknownTensor
from scoringhost.inference.content_types import decoded
from scoringhost.inference.messages import InferenceRequest, Tensor
from scoringhost.inference.model_metadata import NamedTensor
from scoringhost.kernel.binding import default_of
from scoringhost.schema.declared import DeclaredType, Misfit
from scoringhost.schema.tensor_metadata import JSON, NUMPY, TEXT, Array
from scoringhost.schema.tensors import AsGiven, json_of, one_element, text_of
from scoringhost.script.signature import REQUIRED, Parameter, RunSignature, Takes

OPTIONS = "GlobalParameters"
"""Azure ML's name for the parameter of run() that has options in it, which a V2 request has among its parameters."""
CONTENT_TYPE = "content_type"

_OF_THE_PROTOCOL = frozenset({CONTENT_TYPE, "headers", "binary_data_output"})
"""Parameters of requests that are no options of run()."""


@dataclass(frozen=True, slots=True)
class _Source:
    """What one parameter is made of: its type, and the suffix of each of its tensors by the tensor's whole name."""

    parameter: Parameter
    type: DeclaredType
    suffixes: dict[str, str]
    only: str | None
    """The name of its tensor, if that is the only one and has no suffix."""

    @property
    def is_required(self) -> bool:
        """Whether a request must give it."""
        declared = self.parameter.declared
        return self.parameter.default is REQUIRED and (declared is None or not declared.optional)


class RunInputs:
    """The inputs of one run()."""

    def __init__(self, signature: RunSignature) -> None:
        self._takes = signature.takes
        parameters = signature.parameters if signature.takes is Takes.NAMED else signature.parameters[:1]
        sources: list[_Source] = []
        tensors: list[NamedTensor] = []
        for parameter in parameters:
            kind = AsGiven() if parameter.declared is None else parameter.declared.type
            suffixes = {}
            found = []
            for one in kind.tensors():
                named = one if one.suffix and len(parameters) == 1 else one.under(parameter.name)
                suffixes[named.suffix] = one.suffix
                found.append(named)
            only = found[0].suffix if list(suffixes.values()) == [""] else None
            source = _Source(parameter, kind, suffixes, only)
            sources.append(source)
            tensors += [NamedTensor.of(one, optional=not source.is_required) for one in found]
        self._sources = sources
        self.tensors = tuple(tensors)
        self._known = {tensor.name: tensor for tensor in tensors}

    def arguments(self, request: InferenceRequest) -> dict[str, Any]:
        """The arguments of run() from a request.

        Raises:
            MissingTensor, UnknownTensor, InvalidTensor: names the input at fault.
        """
        given: dict[str, Tensor] = {}
        for tensor in request.inputs:
            name = tensor.name
            if name not in self._known:
                raise UnknownTensor("input", name, tuple(self._known))
            if name in given:
                raise InvalidTensor(name, "one tensor of that name", "several")
            given[name] = tensor
        if request.parameters and CONTENT_TYPE in request.parameters:
            self._check_content_type(request.parameters[CONTENT_TYPE], given)
        if self._takes is Takes.TEXT:
            return {self._sources[0].parameter.name: self._text(given)}
        return {source.parameter.name: self._argument(source, given, request) for source in self._sources}

    def _check_content_type(self, content_type: object, given: dict[str, Tensor]) -> None:
        """np and str of a whole request stand for one tensor, as with MLServer."""
        if content_type in (NUMPY, TEXT) and len(given) != 1:
            raise InvalidTensor(", ".join(given), f"one input for the content type {content_type!r}", f"{len(given)}")

    def _text(self, given: dict[str, Tensor]) -> object:
        """The body of a run() that takes it as text: the JSON text in the only element."""
        name = self._sources[0].parameter.name
        if name not in given:
            raise MissingTensor(name, tuple(self._known))
        tensor = given[name]
        try:
            text = text_of(one_element({"": tensor.array}))
            if tensor.parameters.get(CONTENT_TYPE) != TEXT:
                json_of({"": tensor.array})
        except Misfit as misfit:
            raise InvalidTensor(name, misfit.expected, misfit.got) from None
        return text

    def _argument(self, source: _Source, given: dict[str, Tensor], request: InferenceRequest) -> object:
        tensors = {name: given[name] for name in source.suffixes if name in given}
        if not tensors:
            return self._not_given(source, request)
        try:
            if source.only is not None:
                return self._of_one(source, tensors[source.only])
            arrays = {source.suffixes[name]: self._read(tensor) for name, tensor in tensors.items()}
            return source.type.from_tensors(arrays)
        except Misfit as misfit:
            raise self._named(source, misfit) from None

    def _of_one(self, source: _Source, tensor: Tensor) -> object:
        content_type = tensor.parameters.get(CONTENT_TYPE)
        if tensor.datatype == "BYTES":
            if content_type == JSON and self._known[tensor.name].content_type != JSON:
                return source.type.to_python(json_of({"": tensor.array}))
        elif isinstance(source.type, AsGiven):  # a number where any JSON value would do
            values: list[Any] = tensor.array.tolist()
            return values[0] if tensor.shape == (1,) else values
        return source.type.from_tensors({"": self._read(tensor)})

    def _read(self, tensor: Tensor) -> Array:
        """The array of a tensor, its elements read as the request says, if it says otherwise than the metadata."""
        content_type = tensor.parameters.get(CONTENT_TYPE)
        if content_type is None or content_type == self._known[tensor.name].content_type:
            return tensor.array
        try:
            return decoded(tensor, str(content_type)).array
        except Misfit as misfit:
            raise InvalidTensor(tensor.name + misfit.path, misfit.expected, misfit.got) from None

    def _not_given(self, source: _Source, request: InferenceRequest) -> object:
        """What a parameter is without any tensor: the request's options, or its default."""
        parameter = source.parameter
        if parameter.name == OPTIONS:
            options = {name: value for name, value in request.parameters.items() if name not in _OF_THE_PROTOCOL}
            if options:
                return self._options(source, options)
        if source.is_required:
            raise MissingTensor(next(iter(source.suffixes)), tuple(self._known))
        return None if parameter.default is REQUIRED else default_of(parameter)

    def _options(self, source: _Source, options: dict[str, Any]) -> object:
        try:
            return source.type.to_python(options.get(OPTIONS, options))
        except Misfit as misfit:
            raise InvalidTensor(OPTIONS + misfit.path, misfit.expected, misfit.got) from None

    def _named(self, source: _Source, misfit: Misfit) -> InvalidTensor:
        """The error that names the input: the one that the path of the misfit leads to, if it does."""
        name = source.parameter.name + misfit.path
        for whole, suffix in source.suffixes.items():
            if suffix and misfit.path.startswith(f".{suffix}"):
                name = whole + misfit.path.removeprefix(f".{suffix}")
        return InvalidTensor(name, misfit.expected, misfit.got)
