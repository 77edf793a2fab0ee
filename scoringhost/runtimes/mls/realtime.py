"""A model that was published without code: an ONNX graph, whose input and output are tables.

Its blob is `blob\\0scoringhost\\0`, a line of JSON, and the graph. What ML Server's own `rx_serialize_model` writes can
only be read by that product.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scoringhost.errors import ScriptUnservable
from scoringhost.process.cpu_budget import library_threads
from scoringhost.runtimes.made import require
from scoringhost.runtimes.mls.program import InputRefused, Program

MAGIC = b"blob\0scoringhost\0"
MODEL = "model.onnx"
INPUT, OUTPUT = "inputData", "outputData"
_DTYPES = {"float": "float32", "double": "float64", "float16": "float16", "bool": "bool", "string": "object",
           **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}}  # fmt: skip


def graph_in(blob: bytes) -> bytes:
    """The ONNX graph in a serialized model.

    Raises:
        ValueError: if it is none that can be read here; the text says why.
    """
    if not blob.startswith(b"blob"):
        raise ValueError("it does not begin with 'blob': serialize it with rx_serialize_model")
    if not blob.startswith(MAGIC):
        raise ValueError(
            "it was serialized by revoscalepy, which only Microsoft ML Server can read; convert the model to ONNX, "
            "and serialize it with scoringhost.azureml.deploy.rx_serialize_model"
        )
    line, _, graph = blob[len(MAGIC) :].partition(b"\n")
    try:
        form = json.loads(line)
    except ValueError:
        form = None
    if not isinstance(form, dict) or form.get("format") != "onnx":
        raise ValueError('the line behind its beginning must be {"format": "onnx"}; nothing else is taken')
    if not graph:
        raise ValueError("there is no model in it")
    return graph


class RealtimeModel(Program):
    """Such a model in this process."""

    def start(self) -> None:
        """Make the session.

        Raises:
            ScriptUnservable: if the file holds no graph, or one with inputs that no columns can be.
            MissingExtra: if onnxruntime is not installed.
        """
        runtime: Any = require("onnxruntime", "onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = library_threads(os.environ)
        options.log_severity_level = 4  # what is wrong is in the exception, too
        path = Path(self.folder) / MODEL
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own classes are made in C, without a base of their own
            raise ScriptUnservable(MODEL, f"onnxruntime cannot run it as an ONNX graph: {error}") from None
        for one in self._session.get_inputs():
            if _dtype(one) is None or len(one.shape) > 2:
                raise ScriptUnservable(MODEL, f"its input {one.name!r} is {one.type} of {one.shape}: no columns")

    def scored(self, values: Mapping[str, object]) -> dict[str, Any]:
        """Score the table.

        Raises:
            InputRefused: if a column is missing, or its values are not of the input's type.
        """
        frame: Any = values[INPUT]
        if frame is None:
            raise InputRefused(f"the input {INPUT!r} must be a table, and is null")
        nodes = self._session.get_inputs()
        is_wide = len(nodes) == 1 and nodes[0].name not in frame.columns
        given = _table(nodes[0], frame) if is_wide else _columns(nodes, frame)
        results = self._session.run(None, given)
        outputs = [one.name for one in self._session.get_outputs()]
        columns: dict[str, Any] = {}
        for name, result in zip(outputs, results, strict=True):
            columns.update(_as_columns(name, result, len(frame)))
        return {OUTPUT: self.outputs[OUTPUT].to_json(columns)}


def _dtype(node: Any) -> str | None:
    kind = node.type
    return _DTYPES.get(kind[len("tensor(") : -1]) if kind.startswith("tensor(") else None


def _cast(values: Any, node: Any, what: str) -> Any:
    dtype = _dtype(node)
    try:
        return values.astype(str).to_numpy(dtype=object) if dtype == "object" else values.to_numpy().astype(dtype)
    except (TypeError, ValueError):
        raise InputRefused(f"{what} must be {dtype} for the model") from None


def _columns(nodes: list[Any], frame: Any) -> dict[str, Any]:
    """Each input of the graph from the column of its name."""
    given = {}
    for node in nodes:
        if node.name not in frame.columns:
            raise InputRefused(f"the column {node.name!r} is missing; the model needs {_listed(nodes)}")
        column = _cast(frame[node.name], node, f"the column {node.name!r}")
        given[node.name] = column if len(node.shape) == 1 else column.reshape(-1, 1)
    return given


def _table(node: Any, frame: Any) -> dict[str, Any]:
    """The only input of the graph from all columns in order; further ones are nobody's."""
    width = node.shape[1] if len(node.shape) == 2 and isinstance(node.shape[1], int) else frame.shape[1]
    if frame.shape[1] < width:
        raise InputRefused(f"the table has {frame.shape[1]} columns, and the model needs {width}")
    return {node.name: _cast(frame.iloc[:, :width], node, "the table")}


def _as_columns(name: str, result: Any, rows: int) -> dict[str, Any]:
    """One output of the graph as columns: of several, the name and the number of each; of a map, its keys."""
    if isinstance(result, list) and result and isinstance(result[0], dict):
        return {f"{name}.{key}": [row[key] for row in result] for key in result[0]}
    if getattr(result, "ndim", 1) <= 1:
        found = result.tolist() if hasattr(result, "tolist") else list(result)
        return {name: found if isinstance(found, list) else [found] * rows}
    table = result.reshape(len(result), -1)
    if table.shape[1] == 1:
        return {name: table[:, 0].tolist()}
    return {f"{name}.{at}": table[:, at].tolist() for at in range(table.shape[1])}


def _listed(nodes: list[Any]) -> str:
    return ", ".join(node.name for node in nodes)
