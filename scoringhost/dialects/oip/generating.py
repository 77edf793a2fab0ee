"""generate: inference from plain values by the names of the inputs, as Triton's "generate extension" has it.

`{"text_input": "...", "parameters": {...}}` is answered with `{"text_output": "..."}` by a model with one input and one
output of text, whatever they are called. A body with `inputs` is an inference request, as with MLServer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoringhost.dialects.oip.exchange import Exchange
from scoringhost.dialects.oip.whole_requests import taken_headers
from scoringhost.errors import InvalidTensor, UndecodableBody, UnknownTensor
from scoringhost.inference.messages import InferenceRequest, InferenceResponse, Tensor
from scoringhost.inference.model_metadata import NamedTensor
from scoringhost.inference.plain_values import tensor_as
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue, Misfit, phrase
from scoringhost.schema.tensor_metadata import JSON

TEXT_INPUT, TEXT_OUTPUT = "text_input", "text_output"


class GenerateExchange(Exchange):
    """One exchange of plain values, or an inference if the body is one."""

    __slots__ = ("_is_text", "_values")

    def read(self) -> InferenceRequest:
        """The request in the body. Raises CallError."""
        values = json_text.loads(self.body)
        if not isinstance(values, dict):
            raise UndecodableBody(f"The body should be an object with the inputs by name, not {phrase(values)}")
        self._is_text = False
        self._values: dict[str, JsonValue] | None = None
        if "inputs" in values and "inputs" not in {one.name for one in self._inputs()}:
            return super().read()
        self._values = values
        parameters = values.pop("parameters", None) or {}
        id = values.pop("id", None)
        if not isinstance(parameters, dict) or not (id is None or isinstance(id, str)):
            raise UndecodableBody("'parameters' should be an object, and 'id' a text")
        self.request = InferenceRequest([self._tensor(name, one) for name, one in values.items()], [], id, parameters)
        return self.request

    def _inputs(self) -> Sequence[NamedTensor]:
        """The inputs by name; of a runtime of MLServer's kind those that it says it has: its run() takes requests."""
        if self.model.service.declarations.model is None:
            return self.model.inputs.tensors
        return self.model.metadata().inputs or self.model.inputs.tensors

    def _tensor(self, name: str, value: JsonValue) -> Tensor:
        inputs = self._inputs()
        known = {one.name: one for one in inputs}
        if name == TEXT_INPUT and name not in known and len(inputs) == 1:
            self._is_text = True
            name = inputs[0].name
        if name not in known:
            raise UnknownTensor("input", name, tuple(known))
        try:
            return tensor_as(known[name], value)
        except Misfit as misfit:
            raise InvalidTensor(name + misfit.path, misfit.expected, misfit.got) from None

    def encode(self, response: InferenceResponse) -> object:
        """The outputs by name: a value for one element, else a list as the shape has it."""
        if self._values is None:
            return super().encode(response)
        if response.parameters:
            self.sent = taken_headers(response)
        said: dict[str, Any] = {"model_name": response.model_name, "model_version": response.model_version}
        if response.id is not None:
            said["id"] = response.id
        for tensor in response.outputs:
            said[tensor.name] = _plain(tensor)
        if self._is_text and len(response.outputs) == 1:
            tensor = response.outputs[0]
            value = said.pop(tensor.name)
            said[TEXT_OUTPUT] = "".join(_elements(tensor)) if isinstance(value, list) else value
        return json_text.dumps(said), None, None


def _plain(tensor: Tensor) -> JsonValue:
    """The value of an output as JSON has it."""
    elements = _elements(tensor)
    values = [_decoded(one, tensor) for one in elements]
    if len(values) == 1:
        return values[0]
    if tensor.array.ndim == 1:
        return values
    array = tensor.array
    if tensor.datatype == "BYTES":
        array = array.astype(object)  # a copy
        array.flat[:] = elements
    nested: list[JsonValue] = array.tolist()
    return nested


def _elements(tensor: Tensor) -> list[Any]:
    """The elements one after another; those of bytes are text, as in a response with tensors."""
    elements: list[Any] = tensor.array.reshape(-1).tolist()
    if tensor.datatype == "BYTES":
        from scoringhost.inference.numpy_responses import textual

        textual(elements, tensor.parameters)
    return elements


def _decoded(element: Any, tensor: Tensor) -> JsonValue:
    if tensor.parameters.get("content_type") == JSON and isinstance(element, (str, bytes)):
        return json_text.loads(element if isinstance(element, bytes) else element.encode("utf-8", "surrogatepass"))
    return element
