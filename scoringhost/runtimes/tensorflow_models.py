"""TensorFlow's SavedModel folders, by their signature `serving_default`, in TF Serving's words, too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scoringhost.errors import InvalidParameter, ScriptUnservable
from scoringhost.process.cpu_budget import library_threads
from scoringhost.runtimes.made import entry_script, require
from scoringhost.runtimes.model_schemas import ROWS, NamedOutputs, body_schema, sample_of, schemas_of, tensor_schema
from scoringhost.runtimes.numpy_shapes import array_type
from scoringhost.schema.declared import shortened
from scoringhost.schema.tensor_metadata import TEXT, VARIABLE, TensorMetadata, datatype_of
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import REQUIRED, Declarations, DeclaredInput, Parameter

SIGNATURE = "serving_default"
INSTANCES, PREDICTIONS = "instances", "predictions"
"""TF Serving's words for rows and for what is answered for each."""

Specs = dict[str, tuple[str, tuple[int, ...] | None]]
"""The dtype and the shape of tensors by name; a shape that nobody knows is None."""


def load(path: Path) -> EntryScript:
    """The service of a SavedModel.

    Only its signature is read here: what TensorFlow starts to run it does not survive a fork.

    Raises:
        MissingExtra: if tensorflow is not installed.
        ScriptUnservable: if the folder holds no SavedModel with the signature `serving_default`.
    """
    tensorflow = require("tensorflow", "tensorflow")
    inputs, outputs = _signature(path, tensorflow)
    choice = next(name for name in ("outputs", "requested_outputs") if name not in inputs)
    model = Model(path, tensorflow, inputs, list(outputs))

    def run(**arguments: Any) -> Any:
        """Run the signature of the model."""
        return model.scored(arguments, arguments.pop(choice))

    schemas = {name: tensor_schema(_datatype(dtype), shape or (-1,)) for name, (dtype, shape) in inputs.items()}
    tensors = tuple(_metadata(name, dtype, shape) for name, (dtype, shape) in outputs.items())
    result = {one.suffix: tensor_schema(one.datatype, one.shape) for one in tensors}
    whole = next(iter(result.values())) if len(result) == 1 else {"type": "object", "properties": result}
    chosen = {"type": ["array", "null"], "items": {"type": "string", "enum": list(result)}}
    body = body_schema(
        schemas | {choice: chosen}, list(inputs), {name: sample_of(schema) for name, schema in schemas.items()}
    )
    declared = {name: DeclaredInput(array_type(dtype, shape)) for name, (dtype, shape) in inputs.items()}
    only = next(iter(inputs)) if len(inputs) == 1 else None
    declarations = Declarations(
        run,
        declared,
        True,
        schemas_of(body, whole),
        NamedOutputs(whole or ROWS, tensors, tensors[0].suffix),
        parameters=(*(Parameter(name, REQUIRED, one) for name, one in declared.items()), Parameter(choice, None, None)),
        aliases={} if only is None else {alias: only for alias in ("data", "input_data") if alias not in inputs},
        chooses_outputs=choice,
        restated=Instances(list(inputs), choice).restated,
    )
    return entry_script(path, run, declarations, model.init)


class Model:
    """One SavedModel in the process that it was loaded in."""

    def __init__(self, path: Path, tensorflow: Any, inputs: Specs, outputs: list[str]) -> None:
        self._path, self._tensorflow, self._inputs, self._outputs = path, tensorflow, inputs, outputs
        self._loaded: Any = None
        self._pid = 0

    def init(self) -> None:
        """Load it, on this process's share of the cores."""
        threading = self._tensorflow.config.threading
        try:
            threading.set_intra_op_parallelism_threads(library_threads(os.environ))
            threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:
            pass  # somebody has used it before in this process
        self._loaded = self._tensorflow.saved_model.load(os.fspath(self._path))
        self._function = self._loaded.signatures[SIGNATURE]
        self._pid = os.getpid()

    def scored(self, inputs: Mapping[str, Any], wanted: object) -> Any:
        """The outputs: the only one, or all by name; those `wanted`, if that is a list; or TF Serving's predictions.

        Raises:
            InvalidParameter: if the signature has no such output, or does not take the inputs together.
        """
        if self._pid != os.getpid():
            raise RuntimeError("TensorFlow does not survive the fork of --preload: serve a SavedModel without it")
        found = self._called(inputs)
        if wanted == PREDICTIONS:
            return {PREDICTIONS: _by_instance(found)}
        if wanted is None:
            return found if len(found) > 1 else next(iter(found.values()))
        if not isinstance(wanted, (list, tuple)) or not set(wanted) <= set(self._outputs):
            known = ", ".join(self._outputs)
            raise InvalidParameter("outputs", f"a list of names from {known}", shortened(repr(wanted)))
        return {name: found[name] for name in wanted or self._outputs}

    def _called(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        constant = self._tensorflow.constant
        tensors = {}
        for name, value in inputs.items():
            tensors[name] = constant(value.astype(object) if value.dtype.kind == "U" else value)
        try:
            results = self._function(**tensors)
        except self._tensorflow.errors.InvalidArgumentError as error:
            expected = "arrays that fit each other and the model"
            raise InvalidParameter(", ".join(inputs), expected, str(error).partition("\n")[0][:200]) from error
        return {name: _plain(results[name].numpy()) for name in self._outputs}


def _plain(array: Any) -> Any:
    """The array with texts in place of bytes."""
    if array.dtype.kind not in "OS":
        return array
    return np.vectorize(lambda one: one.decode("utf-8", "replace"), otypes=[object])(array)


def _by_instance(found: Mapping[str, Any]) -> Any:
    """TF Serving's row format: one value for each instance, an object if there are several outputs."""
    if len(found) == 1:
        return next(iter(found.values()))
    columns = {name: array.tolist() for name, array in found.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


class Instances:
    """TF Serving's `{"instances": [...]}`."""

    def __init__(self, names: list[str], choice: str) -> None:
        self._names, self._choice = names, choice

    def restated(self, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The inputs by name: each instance is an object of them, or the value of the only one; else None."""
        rows = values.get(INSTANCES)
        if not isinstance(rows, list):
            return None
        rest = {name: value for name, value in values.items() if name not in (INSTANCES, "signature_name")}
        if rows and all(isinstance(row, dict) and row.keys() == set(self._names) for row in rows):
            columns = {name: [row[name] for row in rows] for name in self._names}
        elif len(self._names) == 1:
            columns = {self._names[0]: rows}
        else:
            return None
        return rest | columns | {self._choice: PREDICTIONS}


def _signature(path: Path, tensorflow: Any) -> tuple[Specs, Specs]:
    """The inputs and the outputs of the signature, read from the file without running anything."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString((path / "saved_model.pb").read_bytes())
        found = model.meta_graphs[0].signature_def
    except Exception as error:  # the parser's own DecodeError, or IndexError
        raise ScriptUnservable(str(path), f"saved_model.pb is no SavedModel: {error}") from error
    if SIGNATURE not in found:
        known = ", ".join(sorted(found)) or "none"
        raise ScriptUnservable(str(path), f"it has no signature {SIGNATURE!r}; those that it has: {known}")
    signature = found[SIGNATURE]
    return _specs(signature.inputs, tensorflow), _specs(signature.outputs, tensorflow)


def _specs(infos: Any, tensorflow: Any) -> Specs:
    specs: Specs = {}
    for name in sorted(infos):
        dtype = tensorflow.dtypes.as_dtype(infos[name].dtype)
        shape = infos[name].tensor_shape
        sizes = None if shape.unknown_rank else tuple(max(int(axis.size), VARIABLE) for axis in shape.dim)
        specs[name] = ("str" if dtype == tensorflow.string else np.dtype(dtype.as_numpy_dtype).name, sizes)
    return specs


def _datatype(dtype: str) -> str:
    return datatype_of(np.dtype(dtype))


def _metadata(name: str, dtype: str, shape: tuple[int, ...] | None) -> TensorMetadata:
    datatype = _datatype(dtype)
    return TensorMetadata(name, datatype, shape or (VARIABLE,), TEXT if datatype == "BYTES" else None)
