"""What XGBoost's and LightGBM's models have in common: rows of numbers in, numbers or probabilities out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scoringhost.errors import InvalidParameter
from scoringhost.runtimes.made import entry_script
from scoringhost.runtimes.model_schemas import ROWS, NamedOutputs, body_schema, schemas_of
from scoringhost.runtimes.numpy_inputs import ModelInput
from scoringhost.runtimes.numpy_results import metadata_of
from scoringhost.schema.declared import shortened
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import REQUIRED, Declarations, DeclaredInput, Parameter

Methods = Mapping[str, Callable[[Any], Any]]
"""What a request may ask for, by name: rows in, an array with one item for each row out."""


def service_of(
    path: Path, takes: ModelInput, methods: Methods, usual: str, init: Callable[[], object] | None = None
) -> EntryScript:
    """The service of a model; `usual` is the method that is called where none is asked for.

    Each method is called once here, with the sample, to see what it returns.
    """

    def run(data: Any, method: object = None) -> Any:
        """Score rows."""
        if isinstance(method, (list, tuple)):
            return {name: methods[_known(name, methods)](data) for name in method or ["predict"]}
        return methods[_known(usual if method is None else method, methods)](data)

    sample = takes.type.to_python(takes.sample)
    outputs = tuple(metadata_of(name, called(sample)) for name, called in methods.items())
    data = DeclaredInput(takes.type)
    method = {"type": "string", "enum": list(methods), "default": usual}
    body = body_schema({"data": takes.schema, "method": method}, ["data"], {"data": takes.sample})
    declarations = Declarations(
        run,
        {"data": data},
        True,
        schemas_of(body, ROWS),
        NamedOutputs(ROWS, outputs, "predict"),
        parameters=(Parameter("data", REQUIRED, data), Parameter("method", None, None)),
        aliases={"input_data": "data"},
        chooses_outputs="method",
    )
    return entry_script(path, run, declarations, init)


def _known(method: object, methods: Methods) -> str:
    if not isinstance(method, str) or method not in methods:
        known: Sequence[str] = list(methods)
        raise InvalidParameter("method", f"one of {', '.join(known)}", shortened(repr(method)))
    return method
