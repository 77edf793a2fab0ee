"""RunInputs: the inputs of a model, which are the parameters of its run(), and arguments from their tensors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from scoringhost.errors import InvalidTensor, MissingTensor, ResultNotEncodable, UnknownTensor
from scoringhost.inference.codecs import added_input_codec, added_request_codec, value_of
from scoringhost.inference.content_types import decoded
from scoringhost.inference.messages import InferenceRequest, Tensor
from scoringhost.inference.model_metadata import NamedTensor
from scoringhost.inference.request_codecs import RequestCodec
from scoringhost.kernel.binding import default_of
from scoringhost.schema.declared import DeclaredType, JsonValue, Misfit
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
        self._choice = signature.chooses_outputs
        if self._choice is not None:  # a model's run(), whose inputs are all declared
            parameters = tuple(one for one in parameters if one.declared is not None)
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
        if request.parameters and len(self._sources) == 1:
            added = added_request_codec(request.parameters.get(CONTENT_TYPE))
            if added is not None:
                return {self._sources[0].parameter.name: self._by_added(added, request)}
        if self._choice is None:
            return self._arguments(request, request.inputs)
        arguments = self._arguments(request, self._renamed(request.inputs))
        arguments[self._choice] = [one.name for one in request.outputs]
        return arguments

    def _renamed(self, inputs: list[Tensor]) -> list[Tensor]:
        """The inputs of a model. One that takes a single matrix takes it by any name.

        The examples of KServe and MLServer call it input-0, or predict; and a table whose columns are all numbers is
        sent as one matrix by those who do not know their names.
        """
        source = self._sources[0]
        if len(self._sources) > 1 or len(inputs) != 1 or inputs[0].name in self._known:
            return inputs
        if source.only is not None:
            return [replace(inputs[0], name=source.only)]
        split = getattr(source.type, "columns_of_matrix", None)
        columns = split(inputs[0].array) if split is not None else None
        if columns is None:
            return inputs
        return [replace(inputs[0], name=name, shape=(len(column),), array=column) for name, column in columns.items()]

    def _arguments(self, request: InferenceRequest, inputs: list[Tensor]) -> dict[str, Any]:
        given = {tensor.name: tensor for tensor in inputs}
        if len(given) != len(inputs) or not given.keys() <= self._known.keys():
            self._refuse_names(inputs)
        if request.parameters and CONTENT_TYPE in request.parameters:
            self._check_content_type(request.parameters[CONTENT_TYPE], given)
        if self._takes is Takes.TEXT:
            return {self._sources[0].parameter.name: self._text(given)}
        return {source.parameter.name: self._argument(source, given, request) for source in self._sources}

    def _refuse_names(self, inputs: list[Tensor]) -> None:
        """Name the first input that the model does not have, or that is given twice."""
        seen = set()
        for tensor in inputs:
            if tensor.name not in self._known:
                raise UnknownTensor("input", tensor.name, tuple(self._known))
            if tensor.name in seen:
                raise InvalidTensor(tensor.name, "one tensor of that name", "several")
            seen.add(tensor.name)

    def _check_content_type(self, content_type: object, given: dict[str, Tensor]) -> None:
        """np and str of a whole request stand for one tensor, as with MLServer."""
        if content_type in (NUMPY, TEXT) and len(given) != 1:
            raise InvalidTensor(", ".join(given), f"one input for the content type {content_type!r}", f"{len(given)}")

    def _by_added(self, codec: RequestCodec, request: InferenceRequest) -> object:
        """The only argument, of a whole request that a codec of the script's own is to read."""
        source = self._sources[0]
        try:
            value = codec.decode(request.inputs, value_of)
            return value if self._takes is Takes.TEXT else source.type.to_python(value)
        except Misfit as misfit:
            raise InvalidTensor(source.parameter.name + misfit.path, misfit.expected, misfit.got) from None

    def _text(self, given: dict[str, Tensor]) -> object:
        """The body of a run() that takes it as text: the JSON text in the only element."""
        name = self._sources[0].parameter.name
        if name not in given:
            raise MissingTensor(name, tuple(self._known))
        tensor = given[name]
        try:
            added = added_input_codec(tensor.parameters.get(CONTENT_TYPE)) if tensor.parameters else None
            if added is not None:
                return added.decode(tensor)
            text = text_of(one_element({"": tensor.array}))
            if tensor.parameters.get(CONTENT_TYPE) != TEXT:
                json_of({"": tensor.array})
        except Misfit as misfit:
            raise InvalidTensor(name, misfit.expected, misfit.got) from None
        return text

    def _argument(self, source: _Source, given: dict[str, Tensor], request: InferenceRequest) -> object:
        try:
            if source.only is not None:
                if source.only in given:
                    return self._of_one(source, given[source.only])
                return self._not_given(source, request)
            arrays = {suffix: self._read(given[name]) for name, suffix in source.suffixes.items() if name in given}
            return source.type.from_tensors(arrays) if arrays else self._not_given(source, request)
        except Misfit as misfit:
            raise self._named(source, misfit) from None

    def _of_one(self, source: _Source, tensor: Tensor) -> object:
        added = added_input_codec(tensor.parameters.get(CONTENT_TYPE)) if tensor.parameters else None
        if added is not None:
            return source.type.to_python(added.decode(tensor))
        if tensor.datatype == "BYTES":
            said = tensor.parameters.get(CONTENT_TYPE)
            if said == JSON and self._known[tensor.name].content_type != JSON:
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

    def example(self, sample: JsonValue) -> list[Tensor]:
        """The tensors of a sample of what /score takes; empty if there is none, or it does not fit."""
        tensors: list[Tensor] = []
        for source in self._sources:
            name = source.parameter.name
            if self._takes is Takes.NAMED and (not isinstance(sample, dict) or name not in sample):
                continue
            try:
                value = source.type.to_python(sample[name]) if self._takes is Takes.NAMED else sample
                arrays = source.type.to_tensors(value)
            except (Misfit, ResultNotEncodable):
                return []
            for whole, suffix in source.suffixes.items():
                if suffix in arrays:
                    array = arrays[suffix]
                    tensors.append(Tensor(whole, self._known[whole].datatype, array.shape, array))
        return tensors
