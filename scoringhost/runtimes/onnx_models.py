"""ONNX graphs, by onnxruntime."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scoringhost.errors import InvalidParameter, ScriptUnservable
from scoringhost.process.cpu_budget import library_threads
from scoringhost.runtimes import onnx_protos, onnx_tables
from scoringhost.runtimes.made import entry_script, require
from scoringhost.runtimes.model_schemas import ROWS, NamedOutputs, body_schema, sample_of, schemas_of, tensor_schema
from scoringhost.runtimes.numpy_inputs import ModelInput
from scoringhost.runtimes.numpy_shapes import array_type
from scoringhost.schema.declared import shortened
from scoringhost.schema.tensor_metadata import TEXT, VARIABLE, TensorMetadata, datatype_of
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import REQUIRED, Declarations, DeclaredInput, Parameter

ALIASES = ("data", "input_data")
"""What the only input of a graph, or the table of all, may be called in a body; `inputs` may be other things, too."""
_DTYPES = {
    "float": "float32", "double": "float64", "float16": "float16", "bool": "bool", "string": "str",
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip
_CALLERS_FAULTS = ("InvalidArgument", "RuntimeException")
_SAID = re.compile(r"^.*(?:\[ONNXRuntimeError\] : \d+ : \w+ : |Status Message: )")
"""What stands before the reason that onnxruntime gives."""
_UNKNOWN = "Unknown Category"
"""What the operator OneHotEncoder says of a value."""


def load(path: Path) -> EntryScript:
    """The service of an ONNX graph.

    Raises:
        MissingExtra: if onnxruntime is not installed.
        ScriptUnservable: if the file holds no graph that onnxruntime can run, or one with inputs that are no tensors.
    """
    graph = Graph(path)
    nodes = graph.session.get_inputs()
    dtypes = {one.name: _dtype_of(path, one) for one in nodes}
    table = onnx_tables.table_of({one.name: (dtypes[one.name], _shape(one.shape)) for one in nodes})
    if table is not None:
        inputs = {onnx_tables.DATA: table.input}
    else:
        inputs = {one.name: _input(dtypes[one.name], _shape(one.shape)) for one in nodes}
    choice = next(name for name in ("outputs", "requested_outputs", "only_outputs") if name not in inputs)

    only = next(iter(inputs)) if len(inputs) == 1 else None

    def restated(values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if onnx_protos.INPUTS in values and onnx_protos.INPUTS not in inputs:
            rest = {key: value for key, value in values.items() if key not in (onnx_protos.INPUTS, onnx_protos.FILTER)}
            given = values[onnx_protos.INPUTS]
            if not onnx_protos.are_protos(given):
                return None if only is None else rest | {only: given}
            arrays, outputs = onnx_protos.arguments(values, list(dtypes))
            values = rest | arrays | {choice: outputs}
            if table is None:
                return values if arrays.keys() == dtypes.keys() else None
        return None if table is None else table.restated(values)

    def run(**arguments: Any) -> Any:
        wanted = arguments.pop(choice)
        return graph.scored(arguments if table is None else table.columns(arguments[onnx_tables.DATA]), wanted)

    run.__doc__ = graph.session.get_modelmeta().description or "Run the graph."
    tensors = tuple(_output(one) for one in graph.session.get_outputs())
    result = {one.suffix: tensor_schema(one.datatype, one.shape) if one.shape else ROWS for one in tensors}
    whole = next(iter(result.values())) if len(result) == 1 else {"type": "object", "properties": result}
    chosen = {"type": ["array", "null"], "items": {"type": "string", "enum": list(result)}}
    body = body_schema(
        {name: one.schema for name, one in inputs.items()} | {choice: chosen},
        list(inputs),
        {name: one.sample for name, one in inputs.items()},
    )
    declared = {name: DeclaredInput(one.type) for name, one in inputs.items()}
    declarations = Declarations(
        run,
        declared,
        True,
        schemas_of(body, whole),
        NamedOutputs(whole, tensors, tensors[0].suffix),
        parameters=(*(Parameter(name, REQUIRED, one) for name, one in declared.items()), Parameter(choice, None, None)),
        aliases={alias: only for alias in ALIASES if alias not in inputs} if only is not None else {},
        chooses_outputs=choice,
        restated=restated,
    )
    return entry_script(path, run, declarations, graph.start)


class Graph:
    """One graph, and the session of this process that runs it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._runtime = require("onnxruntime", "onnx")
        self.start()

    def start(self) -> None:
        """Make the session, unless this process has one: its threads do not survive a fork.

        Raises:
            ScriptUnservable: if the file holds no graph.
        """
        if getattr(self, "_pid", None) == os.getpid():
            return
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = library_threads(os.environ)
        options.log_severity_level = 4  # what is wrong is in the exception, too
        try:
            self.session = self._runtime.InferenceSession(os.fspath(self._path), options, providers=self._providers())
        except Exception as error:  # onnxruntime's own classes are made in C, without a base of their own
            raise ScriptUnservable(str(self._path), f"onnxruntime cannot run it as an ONNX graph: {error}") from error
        self.names = [one.name for one in self.session.get_outputs()]
        self._pid = os.getpid()

    def _providers(self) -> list[str]:
        return list(self._runtime.get_available_providers())

    def scored(self, inputs: Mapping[str, Any], wanted: object) -> Any:
        """The outputs: the only one, or all by name; those `wanted`, as arrays, if that is a list of names.

        Raises:
            InvalidParameter: if the graph has no such output, or does not take the inputs together.
        """
        self.start()
        if wanted is None:
            results = dict(zip(self.names, self._run(self.names, inputs), strict=True))
            plain = {name: _as_json(result) for name, result in results.items()}
            return plain if len(plain) > 1 else next(iter(plain.values()))
        if isinstance(wanted, onnx_protos.AsProtos):
            return onnx_protos.written(self.scored(inputs, wanted.names))
        if not isinstance(wanted, (list, tuple)) or not set(wanted) <= set(self.names):
            raise InvalidParameter("outputs", f"a list of names from {', '.join(self.names)}", shortened(repr(wanted)))
        names = list(wanted) or self.names
        return {name: _as_array(result) for name, result in zip(names, self._run(names, inputs), strict=True)}

    def _run(self, names: list[str], inputs: Mapping[str, Any]) -> list[Any]:
        try:
            return self.session.run(names, dict(inputs))  # type: ignore[no-any-return]
        except Exception as error:
            if type(error).__name__ not in _CALLERS_FAULTS and _UNKNOWN not in str(error):
                raise
            text = _SAID.sub("", str(error).strip()).partition("\n")[0]
            expected = "arrays that fit each other and the graph"
            raise InvalidParameter(", ".join(inputs), expected, text[:200]) from error


def _dtype_of(path: Path, one: Any) -> str:
    """numpy's name for the elements of an input."""
    dtype = _dtype(one.type)
    if dtype is None:
        raise ScriptUnservable(str(path), f"its input {one.name!r} is a {one.type}, and only tensors can be sent")
    return dtype


def _input(dtype: str, shape: tuple[int, ...]) -> ModelInput:
    schema = tensor_schema(datatype_of(np.dtype(dtype)), shape)
    return ModelInput(array_type(dtype, shape), schema, sample_of(schema))


def _dtype(kind: str) -> str | None:
    """numpy's name for the elements of `tensor(float)`; None for what is no tensor, or of elements it has not."""
    return _DTYPES.get(kind.removeprefix("tensor(").removesuffix(")")) if kind.startswith("tensor(") else None


def _shape(shape: Sequence[object]) -> tuple[int, ...]:
    """A graph's shape: axes without a length have a name or None."""
    return tuple(length if isinstance(length, int) and length > 0 else VARIABLE for length in shape)


def _output(one: Any) -> TensorMetadata:
    """The tensor of an output: of maps from classes to probabilities the matrix of these."""
    dtype = _dtype(one.type)
    if dtype is None:
        return TensorMetadata(one.name, "FP32", (VARIABLE, VARIABLE))
    datatype = datatype_of(np.dtype(dtype))
    return TensorMetadata(one.name, datatype, _shape(one.shape), TEXT if datatype == "BYTES" else None)


def _as_json(result: Any) -> Any:
    """A result as JSON has it: maps have texts as keys."""
    if isinstance(result, dict):
        return {str(key): value for key, value in result.items()}
    if isinstance(result, list):
        return [_as_json(one) for one in result]
    return result


def _as_array(result: Any) -> Any:
    """A result as an array: maps from classes to numbers are rows of these."""
    if isinstance(result, list) and result and isinstance(result[0], dict):
        return np.array([list(one.values()) for one in result], dtype=np.float32)
    return np.asarray(result)
