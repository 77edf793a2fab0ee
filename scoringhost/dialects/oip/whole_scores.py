"""/score of a model that takes whole inference requests: plain values by the names of its inputs, or such a request.

A request is answered with a response, plain values with plain values: a list for the only output, an object of lists
for several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scoringhost.dialects.oip import whole_requests
from scoringhost.errors import ResultNotEncodable, UndecodableBody
from scoringhost.inference.messages import InferenceRequest, InferenceResponse
from scoringhost.inference.model_metadata import PlainInputs
from scoringhost.inference.plain_values import is_request, listed, request_of
from scoringhost.kernel.call import LATER, Arguments
from scoringhost.kernel.service import Service
from scoringhost.schema import json_text
from scoringhost.schema.declared import phrase
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.large_json import LARGE
from scoringhost.script.signature import RunSignature

NO_INPUTS = (
    "The model does not say what its inputs are: send a request of the Open Inference Protocol, "
    '{"inputs": [...]}, here or to /v2/models/NAME/infer, or name them in model-settings.json'
)


class WholeScore(Arguments):
    """One request to /score: what becomes the argument of run(), and what its response becomes."""

    __slots__ = ("_headers", "_is_plain", "_nan", "_payload", "_request", "_service")

    def __init__(
        self,
        service: Service,
        payload: bytes | Mapping[str, Any],
        headers: Callable[[], dict[str, str]],
        nan: NanPolicy,
    ) -> None:
        """payload: the body, or the values of a query."""
        self._service, self._payload, self._headers, self._nan = service, payload, headers, nan
        self._is_plain = False

    @property
    def may_join(self) -> bool:
        """As any other request."""
        return True

    def arguments(self, signature: RunSignature) -> dict[str, Any]:
        """The request in the body, with the headers of the call. Raises CallError."""
        self._request = self._read()
        return whole_requests.arguments(signature, self._request, self._headers, wants_stream=False)

    def _read(self) -> InferenceRequest:
        payload = self._payload
        values = json_text.loads(payload) if isinstance(payload, bytes) else payload
        if not isinstance(values, Mapping):
            raise UndecodableBody(f"The body should be an object with the inputs by name, not {phrase(values)}")
        inputs = inputs_of(self._service)
        if is_request(values, inputs):
            from scoringhost.inference.numpy_requests import read_request

            return read_request(payload if isinstance(payload, bytes) else json_text.dumps(dict(values)))
        if not inputs:
            raise UndecodableBody(NO_INPUTS)
        self._is_plain = True
        return request_of(values, inputs)

    def at_once(self, output: object) -> object:
        """The response encoded, or LATER."""
        if not isinstance(output, InferenceResponse):
            error = ResultNotEncodable(f"a {type(output).__name__} is no InferenceResponse")
            self._service.observer.run_failed(self._service.name, error, "")
            raise error
        if sum(tensor.array.size for tensor in output.outputs) > LARGE:
            return LATER
        return self._encoded(output)

    def beside(self, output: object) -> object:
        """A large response encoded."""
        assert isinstance(output, InferenceResponse)
        return self._encoded(output)

    def _encoded(self, output: InferenceResponse) -> bytes:
        usual = InferenceResponse(output.model_name, [], None, self._request.id)
        response = whole_requests.response_of(output, self._request, usual)
        if self._is_plain:
            return json_text.dumps(listed(response), nan=self._nan)
        from scoringhost.inference.numpy_responses import write_response

        whole_requests.taken_headers(response)
        return write_response(response, False)[0]


def inputs_of(service: Service) -> PlainInputs:
    """What the model of a service takes; nothing, if it does not say."""
    model = service.declarations.model
    return PlainInputs() if model is None else model.plain_inputs()
