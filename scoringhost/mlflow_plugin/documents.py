"""From the inputs of `predict` to a document of MLflow's scoring protocol. Pure.

MLflow's own `dump_input_data` raises for dicts, for a Series, and for bytes and dates in a DataFrame (3.17.2).
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
from collections.abc import Mapping
from typing import Any

SPLIT, RECORDS, INSTANCES, INPUTS, PARAMS = "dataframe_split", "dataframe_records", "instances", "inputs", "params"
FORMATS = (SPLIT, RECORDS, INSTANCES, INPUTS)
"""The keys of a scoring document of which it has one."""
Document = dict[str, Any]


def document_of(inputs: Any) -> Document:
    """The scoring document of whatever `predict` is given.

    inputs: a DataFrame, a Series, an array, a list, a dict of columns or of arrays, a sparse matrix of SciPy's, text,
    bytes; or a document as it is: a dict with one of FORMATS and perhaps `params`, or a chat's `messages`.

    Raises:
        TypeError: if JSON cannot hold a value; names its type.
    """
    if _is_frame(inputs):
        again = _put_together(inputs)
        return _of_frame(inputs) if again is None else {key: plain(value) for key, value in again.items()}
    if isinstance(inputs, Mapping):
        if is_document(inputs):
            return {str(key): _part(value) for key, value in inputs.items()}
        return {INPUTS: {str(key): _part(value) for key, value in inputs.items()}}
    if _is_series(inputs) and inputs.name is not None:
        return _of_frame(inputs.to_frame())
    return {INPUTS: plain(inputs)}


def is_document(inputs: Mapping[Any, Any]) -> bool:
    """Whether a dict is a document of the scoring protocol already, and not a dict of columns."""
    formats = [key for key in FORMATS if key in inputs]
    if len(formats) == 1:
        return set(inputs) <= {formats[0], PARAMS}
    messages = inputs.get("messages")
    return isinstance(messages, list) and all(isinstance(one, Mapping) and "role" in one for one in messages)


def encoded(document: Any) -> bytes:
    """JSON as the scoring server reads it: with NaN and infinities as literals, which its protocol has."""
    return json.dumps(document).encode()


def plain(value: Any) -> Any:
    """A value as JSON has it: dates in ISO's words and UTC without zone, bytes in base64, what is missing as null.

    Raises:
        TypeError: if JSON cannot hold it.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float | decimal.Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.date | datetime.time):
        return _moment(value)
    return _of_libraries(value)


def _of_libraries(value: Any) -> Any:
    """The same for what NumPy, SciPy and pandas have made."""
    kind = type(value).__name__
    if kind in ("NAType", "NaTType"):
        return None
    if hasattr(value, "toarray"):  # csr, csc and the other sparse ones
        return plain(value.toarray())
    if hasattr(value, "dtype") and getattr(value.dtype, "kind", "") == "M" and not _is_series(value):
        return _texts(value.astype("U").tolist())
    if _is_series(value):
        return _column(value)
    if hasattr(value, "tolist"):  # an array, a scalar or an index
        return plain(value.tolist())
    raise TypeError(f"JSON cannot hold a {type(value).__module__}.{type(value).__qualname__}")


def _texts(moments: Any) -> Any:
    if isinstance(moments, list):
        return [_texts(one) for one in moments]
    return None if moments == "NaT" else moments


def _moment(value: datetime.date | datetime.time) -> str | None:
    if value != value:  # NaT, which is a datetime
        return None
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)  # MLflow refuses dates with a zone
    return value.isoformat()


# -- tables -------------------------------------------------------------------------------------------


def _of_frame(frame: Any) -> Document:
    columns = [_column(frame.iloc[:, at]) for at in range(frame.shape[1])]
    names = [name if isinstance(name, tuple) else plain(name) for name in frame.columns]
    split: Document = {"columns": names, "data": [list(row) for row in zip(*columns, strict=True)]}
    if not columns:
        split["data"] = [[] for _ in range(len(frame))]
    kind = type(frame.index).__name__
    if kind not in ("RangeIndex", "MultiIndex"):  # rows that are merely counted; one that has no form in the protocol
        split["index"] = _column(frame.index.to_series())
    return {SPLIT: split}


def _part(value: Any) -> Any:
    """A value of a dict: a frame among them is its records."""
    if _is_frame(value):
        split = _of_frame(value)[SPLIT]
        return [dict(zip(split["columns"], row, strict=True)) for row in split["data"]]
    return plain(value)


def _column(series: Any) -> list[Any]:
    """The values of a column; what is missing is null, of whatever type."""
    kind = getattr(series.dtype, "kind", "O")
    if type(series.dtype).__module__.startswith("numpy") and kind in "iub":
        values: list[Any] = series.tolist()
        return values
    return [None if missing else plain(value) for value, missing in zip(series, _missing(series), strict=True)]


def _missing(series: Any) -> list[bool]:
    found = series.isna()
    return [bool(one) for one in found]


def _is_frame(value: Any) -> bool:
    return type(value).__name__ == "DataFrame" and hasattr(value, "iloc")


def _is_series(value: Any) -> bool:
    return hasattr(value, "to_frame") and hasattr(value, "iloc") and not _is_frame(value)


# -- what MLflow's command line makes of a document ----------------------------------------------------


def _put_together(frame: Any) -> Document | None:
    """The document that `pandas.read_json` has made this frame of, or None if it is a table.

    `mlflow deployments predict -I FILE` reads every file so: {"dataframe_split": {"columns": ..., "data": ...}} is a
    column `dataframe_split` with the rows `columns` and `data` then. A table of which `inputs` is the only column
    cannot be told from it, and is taken for a document.
    """
    names = [str(name) for name in frame.columns]
    formats = [name for name in FORMATS if name in names]
    if len(formats) != 1 or not set(names) <= {formats[0], PARAMS}:
        return None
    found: Document = {}
    for at, name in enumerate(names):
        column = frame.iloc[:, at]
        is_list = type(column.index).__name__ == "RangeIndex"
        if is_list and name != PARAMS:
            found[name] = column.tolist()
            continue
        # The rows are those of all columns; where a column has none there is NaN.
        found[name] = {key: value for key, value in zip(column.index, column, strict=True) if not _is_gap(value)}
    return found


def _is_gap(value: Any) -> bool:
    return isinstance(value, float) and value != value
