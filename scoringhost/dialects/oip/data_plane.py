"""The OpenAPI document of one model: the paths of the protocol, with the names and shapes of its own tensors."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from scoringhost._version import __version__
from scoringhost.dialects.oip.model import Model
from scoringhost.dialects.oip.words import ROOT
from scoringhost.errors import CallError
from scoringhost.inference.messages import InferenceResponse, Tensor
from scoringhost.inference.model_metadata import ModelMetadata, NamedTensor
from scoringhost.inference.plain_values import is_request, request_of
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.tensor_metadata import DATATYPES

Json = dict[str, Any]

_REFUSALS = ("400", "401", "403", "404", "405", "408", "413", "415", "429", "431", "503")
_FAILURES = ("500", "504")


def sample_call(model: Model, sample: JsonValue) -> Json | None:
    """How a sample of what /score takes is sent by the protocol; None if it cannot be sent as tensors.

    `path` has no slash in front, so that it can be added to where a proxy serves the host; `request` is the body.
    """
    request = _sample_request(model, sample)
    if request is None:
        return None
    return {"path": quote(f"{ROOT}/models/{model.name}/infer").removeprefix("/"), "request": request}


def _sample_request(model: Model, sample: JsonValue) -> Json | None:
    metadata = model.metadata()
    if not metadata.inputs or sample is None:
        return None
    whole = model.service.declarations.model
    if whole is None:
        tensors = model.inputs.example(sample)
        return {"inputs": _written(metadata.name, tensors)["outputs"]} if tensors else None
    inputs = whole.plain_inputs()
    if not isinstance(sample, dict):
        return None
    if is_request(sample, inputs):
        return sample
    try:
        return {"inputs": _written(metadata.name, request_of(sample, inputs).inputs)["outputs"]}
    except CallError:
        return None


def data_plane(model: Model, sample: JsonValue) -> Json:
    """The document; sample: what /score takes, of which the example of a request is made."""
    metadata = model.metadata()
    example = _sample_request(model, sample)
    paths: Json = {
        ROOT: {"get": _read("What the server is", "Server")},
        f"{ROOT}/health/live": {"get": _read("Whether the server is alive", "Live")},
        f"{ROOT}/health/ready": {"get": _read("Whether the model takes requests", "Ready")},
        f"{ROOT}/repository/index": {"post": _index()},
    }
    own = f"{ROOT}/models/{model.name}"
    for at, base in enumerate((own, f"{own}/versions/{model.version}")):
        paths[base] = {"get": _read("The model's inputs and outputs", "Metadata", at)}
        paths[f"{base}/ready"] = {"get": _read("Whether the model takes requests", "ModelReady", at)}
        if metadata.inputs:
            paths.update(_scoring(base, at))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Open Inference Protocol: {model.name}",
            "version": model.version,
            "description": f"Served by scoringhost {__version__}.",
        },
        "paths": paths,
        "components": {"schemas": _schemas(metadata, example), "responses": {"Error": _error()}},
    }


def _errors(*statuses: str) -> Json:
    return {status: {"$ref": "#/components/responses/Error"} for status in statuses}


def _error() -> Json:
    return {"description": "What is wrong", "content": {"application/json": {"schema": _ref("Error")}}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _read(summary: str, schema: str, at: int = 0) -> Json:
    content = {"application/json": {"schema": _ref(schema)}}
    return {
        "summary": summary,
        "operationId": schema[0].lower() + schema[1:] + ("OfVersion" if at else ""),
        "responses": {"200": {"description": summary, "content": content}, **_errors(*_REFUSALS, "500")},
    }


def _index() -> Json:
    body = {"content": {"application/json": {"schema": _ref("IndexRequest")}}}
    return {**_read("The models there are", "Index"), "requestBody": body}


def _scoring(base: str, at: int) -> Json:
    found = {}
    for verb, request, response, summary in (
        ("infer", "InferenceRequest", "InferenceResponse", "Infer"),
        ("infer_stream", "InferenceRequest", None, "Infer, with an event for each item that run() yields"),
        ("generate", "GenerateRequest", "GenerateResponse", "Infer from plain values by the names of the inputs"),
        ("generate_stream", "GenerateRequest", None, "The same, with an event for each item that run() yields"),
    ):
        kind = "application/json" if response else "text/event-stream"
        schema = _ref(response) if response else {}
        found[f"{base}/{verb}"] = {
            "post": {
                "summary": summary,
                "operationId": verb + ("OfVersion" if at else ""),
                "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(request)}}},
                "responses": {
                    "200": {"description": "The outputs", "content": {kind: {"schema": schema}}},
                    **_errors(*_REFUSALS, *_FAILURES),
                },
            }
        }
    return found


# -- schemas ----------------------------------------------------------------------------------------


def _object(required: list[str], **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": required}


def _text(**more: Any) -> Json:
    return {"type": "string", **more}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _schemas(metadata: ModelMetadata, example: Json | None) -> Json:
    parameters = {"type": "object"}
    tensor = _object(["name", "datatype", "shape"], name=_text(), datatype=_text(enum=list(DATATYPES)),
                     shape=_list({"type": "integer"}), parameters=parameters)  # fmt: skip
    truth, texts = {"type": "boolean"}, _list(_text())
    found = {
        "Error": _object(["error"], error=_text()),
        "Server": _object(["name", "version", "extensions"], name=_text(), version=_text(), extensions=texts),
        "Live": _object(["live"], live=truth),
        "Ready": _object(["ready"], ready=truth),
        "ModelReady": _object(["name", "ready"], name=_text(), ready=truth),
        "Metadata": _object(
            ["name", "versions", "platform", "inputs", "outputs"], name=_text(), versions=texts, platform=_text(),
            inputs=_list(tensor), outputs=_list(tensor), parameters=parameters,
        ),
        "IndexRequest": _object([], ready=truth),
        "Index": _list(_object(["name", "state"], name=_text(), version=_text(), state=_text(), reason=_text())),
    }  # fmt: skip
    if metadata.inputs:
        found.update(_of_inference(metadata, example, parameters))
    return found


def _of_inference(metadata: ModelMetadata, example: Json | None, parameters: Json) -> Json:
    name, id = _text(const=metadata.name), _text()
    one_of = [_tensor(one, takes_all=True) for one in metadata.inputs]
    required = [one for one in metadata.inputs if not one.optional]
    inputs = {"type": "array", "items": {"anyOf": one_of}, "minItems": len(required), "maxItems": len(one_of)}
    requested = _object(["name"], name=_name_of_output(metadata), parameters=parameters)
    request = _object(["inputs"], id=id, parameters=parameters, inputs=inputs, outputs=_list(requested))
    outputs = [_tensor(one, takes_all=False) for one in metadata.outputs] or [_tensor(None, takes_all=False)]
    response = _object(
        ["model_name", "outputs"], model_name=name, model_version=_text(), id=id, parameters=parameters,
        outputs=_list({"anyOf": outputs}),
    )  # fmt: skip
    values: Json = {one.name: {} for one in metadata.inputs}
    generate = _object([], id=id, parameters=parameters, **values)
    if example is not None:
        request["examples"] = [example]
        generate["examples"] = [{one["name"]: one["data"] for one in example["inputs"] if len(one["shape"]) == 1}]
    return {
        "InferenceRequest": request,
        "InferenceResponse": response,
        "GenerateRequest": generate,
        "GenerateResponse": _object(["model_name"], model_name=name, model_version=_text(), id=id),
    }


def _name_of_output(metadata: ModelMetadata) -> Json:
    return _text(enum=[one.name for one in metadata.outputs]) if metadata.outputs else _text()


def _tensor(one: NamedTensor | None, *, takes_all: bool) -> Json:
    """The schema of one tensor. takes_all: of a request, whose datatype need not be that of the metadata."""
    name = _text() if one is None else _text(const=one.name)
    datatype = _text(enum=list(DATATYPES)) if one is None or takes_all else _text(const=one.datatype)
    shape = _list({"type": "integer", "minimum": 0})
    if one is not None:
        axes = ", ".join("any" if size < 0 else str(size) for size in one.shape)
        shape["description"] = f"[{axes}]"
    required = ["name", "datatype", "shape"]
    data: Json = {} if takes_all else {"type": "array"}
    return _object(required, name=name, datatype=datatype, shape=shape, parameters={"type": "object"}, data=data)


def _written(name: str, tensors: list[Tensor]) -> Json:
    """The tensors as JSON, written as a response has them."""
    from scoringhost.inference.numpy_responses import write_response

    text, _ = write_response(InferenceResponse(name, tensors), False)
    written: Json = json_text.loads(text)
    return written
