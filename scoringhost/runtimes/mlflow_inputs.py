"""What a model of MLflow declares by its signature: its input as JSON and as tensors, and its output as tensors."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from scoringhost.errors import MissingParameter, ModelRefused
from scoringhost.runtimes.mlflow_scoring import FORMATS, INVALID, MlflowScoring
from scoringhost.schema.declared import JsonValue, Misfit
from scoringhost.schema.output import FIRST_OUTPUT, DeclaredOutput
from scoringhost.schema.pandas_frames import columns_of
from scoringhost.schema.tensor_metadata import (
    BASE64,
    DATETIME,
    JSON,
    TEXT,
    VARIABLE,
    TensorMetadata,
    Tensors,
    datatype_of,
)
from scoringhost.schema.tensors import AsGiven

INPUT = "input_data"
CHAT = ("messages", "prompt", "input")
_SPLIT_KEYS = frozenset({"columns", "index", "data"})
_BYTES_CONTENT = {"string": TEXT, "datetime": DATETIME, "binary": BASE64}


def _from_base64(element: str | bytes) -> bytes:
    """Bytes as they are; text is base64, which is how JSON has them."""
    return base64.b64decode(element, validate=True) if isinstance(element, str) else bytes(element)


_ELEMENTS: dict[str | None, Callable[[Any], Any]] = {JSON: json.loads, BASE64: _from_base64}
"""How the elements of a column of BYTES are read, where they are not what they stand for."""


class MlflowInput:
    """`input_data`, as Azure ML's endpoints for MLflow models take it, and the tensors of the signature's columns."""

    def __init__(self, scoring: MlflowScoring) -> None:
        self._scoring, self._schema = scoring, scoring.input_schema
        self._as_given = AsGiven()
        has_columns = self._schema is not None and not self._schema.is_tensor_spec() and self._schema.has_input_names()
        self._columns: list[str] = list(self._schema.input_names()) if has_columns else []
        self.rows_are_objects: bool | None = bool(self._columns) or self._schema is None
        texts = (name for name in self._columns if kind_of(self._schema.input_dict()[name].type) == "string")
        self.text_columns = frozenset(texts)

    # -- JSON -----------------------------------------------------------------------------------

    def to_python(self, value: JsonValue) -> object:
        """The data for the model.

        Raises:
            Misfit: if it does not fit the signature.
        """
        try:
            return self._scoring.read(self.document(value)).data
        except ModelRefused as refused:
            raise Misfit("data that fits the model's signature", str(refused)) from None

    def document(self, value: JsonValue) -> dict[str, Any]:
        """The scoring document that `input_data` stands for: a table, records, rows, columns, or tensors."""
        if self._scoring.is_hinted:
            return {"inputs": value}
        if isinstance(value, dict) and "data" in value and value.keys() <= _SPLIT_KEYS:
            return {"dataframe_split": value}
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            return {"dataframe_records": value}
        if self._columns and isinstance(value, list) and all(isinstance(row, list) for row in value):
            return {"dataframe_split": {"columns": self._columns, "data": value}}
        return {"inputs": value}

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of run() from the members of a body of `/score`: `input_data`, or one of MLflow's own keys.

        Raises:
            MissingParameter: if it has none of them.
            ModelRefused: if it has both, or what they hold does not fit the signature.
        """
        document = dict(values)
        if INPUT not in document:
            if not any(key in document for key in (*FORMATS, *CHAT)):
                raise MissingParameter(INPUT, (INPUT, "params", *FORMATS))
            return self._scoring.read(document).arguments()
        both = next((key for key in FORMATS if key in document), None)
        if both is not None:
            raise ModelRefused(f"the body has both {INPUT} and {both}; send one of them", INVALID)
        params = {"params": document["params"]} if "params" in document else {}
        return self._scoring.read(self.document(document[INPUT]) | params).arguments()

    # -- tensors --------------------------------------------------------------------------------

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """One tensor for each column, or those of the signature; the JSON of the data if there is no signature."""
        if self._schema is None or self._scoring.is_hinted:
            return self._as_given.tensors()
        if self._schema.is_tensor_spec():
            return tuple(_of_spec(spec) for spec in self._schema.inputs)
        if not self._columns:
            return (TensorMetadata("", "FP64", (VARIABLE, len(self._schema.inputs))),)
        return tuple(_of_column(name, self._schema.input_dict()[name].type) for name in self._columns)

    def from_tensors(self, tensors: Tensors) -> object:
        """The data that the tensors hold.

        Raises:
            Misfit: if they do not fit the signature.
        """
        if self._schema is None or self._scoring.is_hinted:
            only = tensors.get("")
            is_text = only is None or only.dtype.kind not in "biuf"
            return self.to_python(self._as_given.from_tensors(tensors)) if is_text else only
        data: Any = dict(tensors)
        try:
            if self._schema.is_tensor_spec():
                specs = self._schema.inputs
                data = {
                    one.name or "": _cast(data[one.name or ""], one.type) for one in specs if (one.name or "") in data
                }
                return self._scoring.enforced(data.get("", data))[0]
            frame = self._frame(data) if self._columns else pd.DataFrame(np.asarray(data[""], dtype="float64"))
            return self._scoring.enforced(frame)[0]
        except ModelRefused as refused:
            raise Misfit("tensors that fit the model's signature", str(refused)) from None

    def _frame(self, arrays: dict[str, Any]) -> pd.DataFrame:
        """The columns of tensors of shape (n,) or (n, 1), cast to the signature's types."""
        from mlflow.utils.proto_json_utils import cast_df_types_according_to_schema

        columns: dict[str, Any] = {}
        for name, array in arrays.items():
            flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
            if flat.ndim != 1:
                raise Misfit("a tensor of one axis", f"shape {array.shape}", f".{name}")
            columns[name] = flat
        lengths = {len(column) for column in columns.values()}
        if len(lengths) > 1:
            raise Misfit("columns of one length", f"lengths {sorted(lengths)}")
        try:
            for one in self.tensors():
                if one.suffix in columns and one.content_type in _ELEMENTS:
                    read = _ELEMENTS[one.content_type]
                    columns[one.suffix] = pd.Series([read(element) for element in columns[one.suffix]], dtype=object)
            frame = pd.DataFrame(columns)
            binary = [name for name in columns if kind_of(self._schema.input_dict()[name].type) == "binary"]
            cast: pd.DataFrame = cast_df_types_according_to_schema(frame.drop(columns=binary), self._schema)
        except Exception as problem:
            raise Misfit("values that fit the model's signature", str(problem)) from None
        for name in binary:  # which MLflow would take for base64 once more
            cast[name] = frame[name]
        return cast

    def to_tensors(self, value: object) -> dict[str, Any]:
        """The tensors of data, given as JSON or as what the model takes.

        Raises:
            Misfit: if it does not fit.
        """
        if self._schema is None or self._scoring.is_hinted:
            return dict(self._as_given.to_tensors(value))
        is_ready = isinstance(value, (pd.DataFrame, np.ndarray))
        return _arrays_of(value if is_ready else self.to_python(value), "")


def kind_of(kind: Any) -> str:
    """The name of a column's type; empty for a nested one."""
    return getattr(kind, "name", "") or ""


def _of_column(name: str, kind: Any) -> TensorMetadata:
    if not kind_of(kind):
        return TensorMetadata(name, "BYTES", (VARIABLE,), JSON)
    datatype = datatype_of(kind.to_numpy())
    content = _BYTES_CONTENT.get(kind_of(kind)) if datatype == "BYTES" else None
    return TensorMetadata(name, datatype, (VARIABLE,), content)


def _of_spec(spec: Any) -> TensorMetadata:
    datatype = datatype_of(spec.type)
    return TensorMetadata(spec.name or "", datatype, tuple(spec.shape), TEXT if datatype == "BYTES" else None)


def _cast(array: Any, dtype: Any) -> Any:
    return array if array.dtype == dtype else array.astype(dtype)


def _arrays_of(value: Any, only: str) -> dict[str, Any]:
    """The arrays of a frame by its columns, of a dict by its keys, of anything else under one name."""
    if isinstance(value, pd.DataFrame):
        return columns_of(value)
    if isinstance(value, dict):
        return {str(name): _tensor(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return {f"output-{at}": _tensor(one) for at, one in enumerate(value)}
    return {only: _tensor(value)}


def _tensor(value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind in "US":
        array = array.astype(object)
    elif array.dtype.kind in "mM":
        array = np.datetime_as_string(array).astype(object)
    return array.reshape(1) if array.ndim == 0 else array


@dataclass(frozen=True)
class MlflowOutput(DeclaredOutput):
    """The result of a model. Its signature says what tensors it is; a result that has others is sent as it is."""

    columns: tuple[TensorMetadata, ...] = ()

    @property
    def is_declared(self) -> bool:
        """Its tensors are made here, signature or not."""
        return True

    @property
    def of_none(self) -> JsonValue:
        """None is what it is."""
        return None

    def misfits(self, result: JsonValue) -> Any:
        """Nothing: MLflow does not hold a model to its output's signature."""
        return iter(())

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """Those of the signature; none without one."""
        return self.columns

    @cached_property
    def type(self) -> Any:
        """Anything."""
        return AsGiven()

    def to_tensors(self, output: object) -> dict[str, Any]:
        """The tensors of a result.

        Raises:
            Misfit: if it cannot be an array.
        """
        try:
            found = _arrays_of(output, FIRST_OUTPUT)
        except ValueError as problem:
            raise Misfit("a result that arrays can hold", str(problem)) from None
        if len(found) == len(self.columns) == 1:  # the signature may have another name for the only one
            return {self.columns[0].suffix: next(iter(found.values()))}
        return found


def output_of(scoring: MlflowScoring) -> MlflowOutput:
    """What the signature of a model says of its results."""
    schema = scoring.output_schema
    if schema is None or scoring.is_hinted:
        return MlflowOutput()
    found = []
    for at, spec in enumerate(schema.inputs):
        one = _of_spec(spec) if schema.is_tensor_spec() else _of_column(spec.name or "", spec.type)
        named = one if one.suffix else one.under(f"output-{at}")
        found.append(named)
    return MlflowOutput(columns=tuple(found))
