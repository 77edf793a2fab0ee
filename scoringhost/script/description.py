"""Description: what an entry script says about its run() to whoever wants to call it.

The API document, the page at /docs, `call`, `check` and the client for tests all have it from here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoringhost.schema.declared import JsonValue
from scoringhost.schema.fitted_schemas import as_json, fitted
from scoringhost.schema.output import UNDECLARED
from scoringhost.script.request_file import is_example, request_beside
from scoringhost.script.signature import REQUIRED, Declarations, Parameter, RunSignature, Takes

Json = dict[str, Any]

_ANY_INPUT = {
    Takes.TEXT: "run() is handed the body as text, whatever it is.",
    Takes.RAW: "run() is handed the HTTP request, whatever its body is.",
    Takes.REQUEST: 'A request of the Open Inference Protocol, {"inputs": [...]}, or values by the inputs.',
}
_ANY_OUTPUT = "What run() returns; no type is declared."


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a run().

    text: its docstring; empty if it has none. input, output: JSON schemas that take their own examples.
    declared_sample: the input that the decorators show; None if they show none. sample: what request.json beside the
    script holds, or else the declared sample; None without either. streams: whether run() yields what it answers, so
    that `output` is the schema of each item.
    """

    text: str
    input: Json
    output: Json
    declared_sample: JsonValue
    sample: JsonValue
    streams: bool = False

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.text.partition("\n")[0].strip()


def describe(script: Path, run: Callable[..., Any], declarations: Declarations, signature: RunSignature) -> Description:
    """Read what a script says about its run()."""
    schema = _input(declarations, signature)
    declared = schema.get("example") or None
    found = request_beside(script)
    sample = declared if found is None else found
    if declared is None and sample is not None and is_example(script):
        schema = {**schema, "example": as_json(sample)}
    schemas = declarations.schemas
    output = schemas.output if schemas.is_exact else fitted(schemas.output)
    if declarations.schemas.output in UNDECLARED:
        output = {"description": _ANY_OUTPUT}
    streams = signature.takes is not Takes.RAW and (declarations.output.streams or _yields(run))
    return Description(_docstring(run), schema, output, declared, sample, streams)


def _yields(run: Callable[..., Any]) -> bool:
    function = inspect.unwrap(run)
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _docstring(run: Callable[..., Any]) -> str:
    innermost = inspect.unwrap(run)
    # An object with __call__, or a functools.partial, has the docstring of its class, which is not about run().
    return inspect.getdoc(innermost) or "" if inspect.isroutine(innermost) else ""


def _input(declarations: Declarations, signature: RunSignature) -> Json:
    if signature.takes is Takes.REQUEST and declarations.schemas.is_exact:
        return declarations.schemas.input
    if signature.takes is not Takes.NAMED:
        return {"description": _ANY_INPUT[signature.takes]}
    recorded = declarations.schemas.input
    if declarations.schemas.is_exact:
        return recorded
    if recorded in UNDECLARED:
        recorded = {"type": "object", "properties": {}}
    if "properties" not in recorded:
        return fitted(recorded)
    return fitted(_of_parameters(recorded, signature.parameters))


def _of_parameters(recorded: Json, parameters: tuple[Parameter, ...]) -> Json:
    """The schema of the members that a request may have.

    inference-schema lists request_headers among them, which is none, and shows "" for what has no decorator.
    """
    given = recorded.get("example", {})
    example: Json = {}
    for parameter in parameters:
        is_shown = parameter.name in given and (parameter.declared is not None or parameter.default is REQUIRED)
        if is_shown:
            example[parameter.name] = given[parameter.name]
        elif type(parameter.default) in (bool, int, float, str):
            example[parameter.name] = parameter.default
    found = {
        **recorded,
        "properties": {one.name: recorded["properties"].get(one.name, {}) for one in parameters},
        "example": example,
    }
    required = [one.name for one in parameters if _is_required(one)]
    if required:
        found.setdefault("required", required)
    if not example:
        del found["example"]
    return found


def _is_required(parameter: Parameter) -> bool:
    if parameter.declared is not None and parameter.declared.optional:
        return False
    return parameter.default is REQUIRED
