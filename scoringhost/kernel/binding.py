"""From a Call to the keyword arguments of run()."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scoringhost.errors import InvalidParameter, MissingParameter, UndecodableBody
from scoringhost.kernel.call import Arguments, Call, RawRequest
from scoringhost.schema import json_text
from scoringhost.schema.declared import Misfit
from scoringhost.schema.large_arrays import LEAST_BODY, read
from scoringhost.script.signature import HEADERS_NAME, REQUIRED, Parameter, RunSignature, Takes


def bind(signature: RunSignature, call: Call) -> dict[str, Any]:
    """The keyword arguments for one call of run().

    Raises:
        UndecodableBody: if the body is not UTF-8, or not the JSON object that named parameters need.
        MissingParameter: if a parameter without default is not given.
        InvalidParameter: if a value does not fit its declared type.
        UnknownParameter: if a key is no parameter, where that is refused.
    """
    payload = call.payload
    if type(payload) is not bytes and isinstance(payload, Arguments):
        arguments = payload.arguments(signature)
    elif signature.takes is Takes.NAMED:
        large = _large(signature, payload) if isinstance(payload, bytes) and len(payload) >= LEAST_BODY else None
        arguments = large or _named(signature, _values(payload))
    else:
        arguments = {signature.parameters[0].name: _single(signature.takes, payload)}
    if signature.wants_headers:
        arguments[HEADERS_NAME] = call.headers()
    return arguments


def _large(signature: RunSignature, body: bytes) -> dict[str, Any] | None:
    """The arguments from a large body that is nothing but arrays of numbers; None for any other."""
    found = read(body, signature.buffers) if signature.buffers else None
    if found is None:
        return None
    for parameter in signature.parameters:
        if parameter.name not in found:
            if parameter.default is REQUIRED:
                return None
            found[parameter.name] = default_of(parameter)
    return found


def _single(takes: Takes, payload: bytes | Mapping[str, object] | RawRequest) -> object:
    if isinstance(payload, RawRequest):
        return payload.make()
    if takes is Takes.REQUEST:
        raise UndecodableBody("This model takes requests of the Open Inference Protocol: POST /v2/models/NAME/infer")
    if takes is Takes.RAW:
        raise TypeError("a run() under @rawhttp can only be called with an HTTP request")
    return _text(payload) if isinstance(payload, bytes) else json.dumps(payload)


def _text(body: bytes) -> str:
    try:
        return str(body, "utf-8")
    except UnicodeDecodeError as problem:
        raise UndecodableBody(f"Input cannot be decoded as UTF-8: {problem}") from None


def _values(payload: bytes | Mapping[str, object] | RawRequest) -> Mapping[str, object]:
    if isinstance(payload, RawRequest):
        raise TypeError("only a run() under @rawhttp can be called with an HTTP request")
    if not isinstance(payload, bytes):
        return payload
    if not payload:
        raise UndecodableBody("POST body is empty. Expecting a JSON object with the parameters of run().")
    value = json_text.loads(payload)
    if not isinstance(value, dict):
        raise UndecodableBody(f"POST body should be a JSON object, not {_kind_of(value)}")
    return value


_KINDS = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}


def _kind_of(value: object) -> str:
    return _KINDS.get(type(value), type(value).__name__)


def _named(signature: RunSignature, values: Mapping[str, object]) -> dict[str, Any]:
    if signature.reads is not None:
        return signature.reads(values)
    arguments: dict[str, Any] = {}
    given = 0
    for parameter in signature.parameters:
        name = parameter.name
        if name in values:
            given += 1
            arguments[name] = _given(parameter, values[name])
            continue
        other = _by_alias(signature, name, values) if signature.aliases else None
        if other is not None:
            given += 1
            arguments[name] = _given(parameter, values[other])
        elif parameter.default is REQUIRED:
            restated = signature.restated(values) if signature.restated is not None else None
            if restated is None:
                raise MissingParameter(name, signature.names)
            return _named(signature, restated)
        else:
            arguments[name] = default_of(parameter)
    if len(values) != given:
        signature.unknown_keys([name for name in values if name not in arguments and name not in signature.aliases])
    return arguments


def _by_alias(signature: RunSignature, name: str, values: Mapping[str, object]) -> str | None:
    """The key of the body that stands for a parameter which is not given by its own name."""
    return next((alias for alias, of in signature.aliases.items() if of == name and alias in values), None)


def _given(parameter: Parameter, value: object) -> object:
    declared = parameter.declared
    if declared is None or (value is None and declared.optional):
        return value
    try:
        return declared.type.to_python(value)
    except Misfit as misfit:
        raise InvalidParameter(parameter.name + misfit.path, misfit.expected, misfit.got) from None


def default_of(parameter: Parameter) -> object:
    """The default as the decorators would convert it: scripts write defaults as JSON values too."""
    declared = parameter.declared
    if declared is None or parameter.default is None:
        return parameter.default
    try:
        return declared.type.to_python(parameter.default)
    except Misfit:
        return parameter.default
