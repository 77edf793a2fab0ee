"""What is said of a service that is published or changed: checked, and made what the server is sent."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from scoringhost.azureml.deploy._encoding import definitions
from scoringhost.azureml.deploy._source import arguments_of, code_of, init_of
from scoringhost.errors import MissingExtra

SERVICE_OPTIONS = frozenset({
    "version", "description", "code_str", "init_str", "code_fn", "init_fn", "objects", "models", "inputs", "outputs",
    "artifacts", "alias",
})  # fmt: skip
REALTIME_OPTIONS = frozenset({"version", "description", "alias", "serialized_model"})
MODEL_BEGINS = b"blob"


def require_known(options: Mapping[str, Any], known: frozenset[str]) -> None:
    """Nothing, if all of them are known.

    Raises:
        ValueError: if one is not.
    """
    for name in options:
        if name not in known:
            raise ValueError(f"there is no option {name!r}; there are: {', '.join(sorted(known))}")


def body_of(options: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What is sent of a service, but for objects: only what is named.

    before: the service as it is, if it is changed; types that are not named are its. Of a new one they are none.

    Raises:
        ValueError: if something is named twice or is nothing that can be published.
    """
    require_known(options, SERVICE_OPTIONS)
    is_new = before is None
    inputs, outputs = _declared(options, "inputs", before), _declared(options, "outputs", before)
    body: dict[str, Any] = {"runtimeType": "Python"}
    if options.get("inputs") is not None or is_new:
        body["inputParameterDefinitions"] = inputs
    if options.get("outputs") is not None or is_new:
        body["outputParameterDefinitions"] = outputs
    _add_code(body, options, inputs, outputs)
    _add_init(body, options)
    if options.get("artifacts") is not None or is_new:
        body["outputFileNames"] = [str(name) for name in options.get("artifacts") or ()]
    if options.get("description") is not None or is_new:
        body["description"] = str(options.get("description") or "")
    code_fn = options.get("code_fn")
    alias = options.get("alias") or (None if code_fn is None else code_fn.__name__)
    if alias or is_new:
        body["operationId"] = alias or "consume"
    return body


def _declared(options: Mapping[str, Any], key: str, before: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Names and types of inputs or of outputs, as the server has them."""
    what = key[:-1]
    given = options.get(key)
    if given is None and before is not None:
        return list(before[f"{what}ParameterDefinitions"])
    if given is not None and not isinstance(given, Mapping):
        raise ValueError(f"{key}: a dict of names and types is expected, not a {type(given).__name__}")
    return definitions(given or {}, what)


def _add_code(
    body: dict[str, Any], options: Mapping[str, Any], inputs: list[dict[str, str]], outputs: list[dict[str, str]]
) -> None:
    code_fn, code_str = options.get("code_fn"), options.get("code_str")
    if code_fn is not None and code_str is not None:
        raise ValueError("code_fn and code_str: only one of them can be given")
    if code_str is not None:
        body["code"] = str(code_str)
    if code_fn is None:
        return
    ordered = _in_order(arguments_of(code_fn), {one["name"]: one for one in inputs})
    if "inputParameterDefinitions" in body or ordered != inputs:
        body["inputParameterDefinitions"] = ordered
    body["code"] = code_of(code_fn, [one["name"] for one in outputs])


def _in_order(arguments: list[str], inputs: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """The inputs in the order of a function's arguments, which is the order of the service's method."""
    for name in arguments:
        if name not in inputs:
            raise ValueError(f"inputs: argument {name!r} of code_fn has no type")
    for name in inputs:
        if name not in arguments:
            raise ValueError(f"inputs: code_fn has no argument {name!r}")
    return [inputs[name] for name in arguments]


def _add_init(body: dict[str, Any], options: Mapping[str, Any]) -> None:
    init_fn, init_str = options.get("init_fn"), options.get("init_str")
    if init_fn is not None and init_str is not None:
        raise ValueError("init_fn and init_str: only one of them can be given")
    if init_fn is not None:
        body["initCode"] = init_of(init_fn)
    elif init_str is not None:
        body["initCode"] = str(init_str)


def pickled_objects(options: Mapping[str, Any]) -> dict[str, bytes]:
    """The objects and models by their names, as pickles.

    Raises:
        ValueError: if one cannot be pickled, or two have one name.
        MissingExtra: if dill is not installed, and there are some.
    """
    named: dict[str, Any] = {}
    for option in ("objects", "models"):
        for name, value in (options.get(option) or {}).items():
            if name in named:
                raise ValueError(f"{option}: there are two of the name {name!r}")
            named[name] = value
    if not named:
        return {}
    try:
        dill: Any = importlib.import_module("dill")
    except ImportError:
        raise MissingExtra("dill", "mlserver-class") from None
    found = {}
    for name, value in named.items():
        try:
            found[name] = dill.dumps(value)
        except Exception as problem:  # whatever the object's own methods raise
            raise ValueError(f"object {name!r} cannot be pickled: {problem}") from problem
    return found


def realtime_parts(options: Mapping[str, Any], is_new: bool) -> dict[str, Any]:
    """The parts of the form that a model without code is sent in.

    Raises:
        ValueError: if the model is none.
    """
    require_known(options, REALTIME_OPTIONS)
    model = options.get("serialized_model")
    if model is None and is_new:
        raise ValueError("serialized_model is missing; rx_serialize_model makes one")
    if model is not None and not (isinstance(model, bytes) and model.startswith(MODEL_BEGINS)):
        raise ValueError("serialized_model: bytes that begin with `blob` are expected; rx_serialize_model makes them")
    parts: dict[str, Any] = {}
    if model is not None:
        parts["model"] = ("model", model, "application/octet-stream")
    if options.get("description") is not None:
        parts["description"] = (None, str(options["description"]))
    if options.get("alias") is not None:
        parts["operationId"] = (None, str(options["alias"]))
    return parts
