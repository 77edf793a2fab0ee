"""MLServer's errors: what a runtime or a codec raises to answer with a status of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any


class MLServerError(Exception):
    """Answered as it is: with its message, and its status, 400 if none is given."""

    def __init__(self, msg: str, status_code: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(msg)
        self.status_code = int(status_code)


class InvalidModelURI(MLServerError):
    """The settings name no model that is there."""

    def __init__(self, name: str, model_uri: str | None = None) -> None:
        at = f" ({model_uri})" if model_uri else ""
        super().__init__(f"There is no model where the settings of {name!r} say{at}", HTTPStatus.UNPROCESSABLE_ENTITY)


class ModelNotFound(MLServerError):
    """There is no such model."""

    def __init__(self, name: str, version: str | None = None) -> None:
        of = "" if version is None else f" with version {version}"
        super().__init__(f"Model {name}{of} not found", HTTPStatus.NOT_FOUND)


class ModelNotReady(MLServerError):
    """The model takes no requests yet."""

    def __init__(self, name: str, version: str | None = None) -> None:
        of = "" if version is None else f" with version {version}"
        super().__init__(f"Model {name}{of} is not ready yet.")


class InferenceError(MLServerError):
    """A request that the model cannot infer."""

    def __init__(self, msg: str) -> None:
        super().__init__(msg)


class ModelParametersMissing(MLServerError):
    """The settings of the model have no `parameters`."""

    def __init__(self, model_name: str) -> None:
        super().__init__(f"Parameters missing for model {model_name}")


class CodecError(MLServerError):
    """A value that its codec cannot encode, or a tensor that it cannot decode."""

    def __init__(self, msg: str) -> None:
        super().__init__(f"There was an error encoding / decoding the payload: {msg}")


class CodecNotFound(MLServerError):
    """No codec takes a value, or a type hint."""

    def __init__(
        self, name: str | None = None, payload_type: str | None = None, is_input: bool = False, is_request: bool = False
    ) -> None:
        wholes, parts = ("the response", "the request"), ("output", "input")
        place = (wholes if is_request else parts)[is_input]
        of = f" {name!r}" if name else ""
        kind = f" of type {payload_type}" if payload_type else ""
        super().__init__(f"There is no codec for {place}{of}{kind}")


class InputsNotFound(MLServerError):
    """A request has inputs that the model does not take."""

    def __init__(self, inputs: Sequence[Any], input_hints: Mapping[str, Any]) -> None:
        names = ", ".join(repr(one.name) for one in inputs)
        known = ", ".join(map(repr, input_hints))
        super().__init__(f"Input {names} was not found. Available inputs are {known}.")


class InputMissing(MLServerError):
    """A request leaves out inputs that the model needs."""

    def __init__(self, names: Sequence[str], known: Sequence[str]) -> None:
        missing, takes = ", ".join(map(repr, names)), ", ".join(map(repr, known))
        super().__init__(f"Input {missing} is missing. The model takes {takes}.")


class OutputNotFound(MLServerError):
    """A model has returned a value that its annotations do not tell of: the model's fault, and not its caller's."""

    def __init__(self, output_idx: int, output_type: type, output_hints: Sequence[Any]) -> None:
        hints = ", ".join(map(str, output_hints)) or "nothing"
        message = f"predict() has returned {output_type} at position {output_idx}; its annotation says {hints}"
        super().__init__(message, HTTPStatus.INTERNAL_SERVER_ERROR)


class InvalidModelContext(MLServerError):
    """`log()` was called where no model is at work."""

    def __init__(self) -> None:
        super().__init__("log() and register() belong into a model's own methods", HTTPStatus.INTERNAL_SERVER_ERROR)


class MetricNotFound(MLServerError):
    """There is no metric of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no metric {name!r}", HTTPStatus.INTERNAL_SERVER_ERROR)
