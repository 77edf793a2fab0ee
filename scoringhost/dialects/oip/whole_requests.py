"""Models that take whole inference requests, and answer with whole responses: runtimes of MLServer's kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from scoringhost.errors import InvalidTensor, ResultNotEncodable
from scoringhost.inference.messages import InferenceRequest, InferenceResponse
from scoringhost.inference.model_metadata import ModelMetadata
from scoringhost.script.signature import DescribesModel, RunSignature

HEADERS = "headers"
"""The parameter of a request that has the headers of its call, and of a response those that it wants to be sent."""


def metadata_of(model: DescribesModel, name: str, version: str) -> ModelMetadata:
    """What such a model says about itself."""
    said = model.metadata()
    return replace(said, name=name, versions=said.versions or (version,))


def arguments(
    signature: RunSignature, request: InferenceRequest, headers: Callable[[], dict[str, str]], *, wants_stream: bool
) -> dict[str, Any]:
    """The argument of run(): the request, with the headers of the call, whatever it says itself of them.

    Raises:
        InvalidTensor: if it has two inputs of one name.
    """
    names = [tensor.name for tensor in request.inputs]
    for name in names:
        if names.count(name) > 1:
            raise InvalidTensor(name, "one tensor of that name", "several")
    given = {key: value for key, value in request.parameters.items() if key != HEADERS}
    lower = {key.lower(): value for key, value in headers().items()}
    whole = replace(request, parameters={**given, HEADERS: lower}, wants_stream=wants_stream)
    return {signature.parameters[0].name: whole}


def response_of(output: object, request: InferenceRequest, usual: InferenceResponse) -> InferenceResponse:
    """The response that run() has returned, with only the outputs that are asked for, if it has them all.

    usual: the name, the version and the id that it has, if it says nothing else.

    Raises:
        ResultNotEncodable: if it is none.
    """
    if not isinstance(output, InferenceResponse):
        raise ResultNotEncodable(f"a {type(output).__name__} is no InferenceResponse")
    wanted = [one.name for one in request.outputs]
    by_name = {tensor.name: tensor for tensor in output.outputs}
    outputs = [by_name[one] for one in wanted] if wanted and set(wanted) <= by_name.keys() else output.outputs
    return InferenceResponse(
        usual.model_name,
        outputs,
        output.model_version or usual.model_version,
        usual.id if output.id is None else output.id,
        output.parameters,
    )


def taken_headers(response: InferenceResponse) -> list[tuple[str, str]]:
    """Take the headers that a response wants to be sent out of its parameters; returns them, none usually."""
    wanted = response.parameters.get(HEADERS)
    if wanted is None:
        return []
    response.parameters = {key: value for key, value in response.parameters.items() if key != HEADERS}
    if not isinstance(wanted, dict):
        return []
    return [(str(name), str(value)) for name, value in wanted.items() if _is_sendable(str(name), str(value))]


_OF_THE_MESSAGE = frozenset(
    {"content-length", "transfer-encoding", "connection", "content-type", "content-encoding", "date", "host"}
)
"""What the host says itself of the body that it writes. A runtime may hand the headers of its request on."""


def _is_sendable(name: str, value: str) -> bool:
    is_token = bool(name) and all(letter.isalnum() or letter in "-_.!#$%&'*+^`|~" for letter in name)
    return is_token and name.isascii() and name.lower() not in _OF_THE_MESSAGE and not set("\r\n\0") & set(value)
