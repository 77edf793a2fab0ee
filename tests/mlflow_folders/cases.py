"""The requests of the comparison: to which model folder, with which Content-Type, which body."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Case:
    """One request to `/invocations` of one model."""

    model: str
    about: str
    body: bytes
    content_type: str | None = JSON

    @property
    def key(self) -> str:
        """What it is called in the record."""
        return f"{self.model}: {self.about}"


def _sent(model: str, about: str, document: Any, content_type: str | None = JSON) -> Case:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Case(model, about, body, content_type)


def _split(rows: list[list[Any]], columns: list[str] | None = None, **more: Any) -> dict[str, Any]:
    names = {} if columns is None else {"columns": columns}
    return {"dataframe_split": {**names, "data": rows}, **more}


ABC = ["a", "b", "c"]
ROW, ROWS = [1.0, 2.0, 3.5], [[1.0, 2.0, 3.5], [0.0, -1.5, 1e-3]]
RECORD = {"a": 1.0, "b": 2.0, "c": 3.5}


def _numbers(model: str) -> list[Case]:
    """What is sent to a model of three numeric columns (or none that are declared)."""
    found: list[tuple[str, Any]] = [
        ("split", _split(ROWS, ABC)),
        ("split with an index", {"dataframe_split": {"index": [7, 9], "columns": ABC, "data": ROWS}}),
        ("split with an index of text", {"dataframe_split": {"index": ["x", "y"], "columns": ABC, "data": ROWS}}),
        ("split with an index that is too short", {"dataframe_split": {"index": [7], "columns": ABC, "data": ROWS}}),
        ("split in another order", _split([[3.5, 1.0, 2.0]], ["c", "a", "b"])),
        ("split with another column", _split([[1.0, 9.0, 2.0, 3.5]], ["a", "z", "b", "c"])),
        ("split without a column", _split([[1.0, 2.0]], ["a", "b"])),
        ("split with a column twice", _split([[1.0, 2.0, 3.5, 4.0]], ["a", "b", "c", "c"])),
        ("split without names", _split(ROWS)),
        ("split of no rows", _split([], ABC)),
        ("split of integers", _split([[1, 2, 3], [4, 5, 6]], ABC)),
        ("split of integers and fractions", _split([[1, 2.5, 3], [4, 5, 6]], ABC)),
        ("split of large integers", _split([[2**53 + 1, 2**62, 2**63]], ABC)),
        ("split of too large integers", _split([[2**64, 2, 3]], ABC)),
        ("split of truths", _split([[True, False, True]], ABC)),
        ("split of truths and numbers", _split([[True, 2, 3], [1.5, 2, 3]], ABC)),
        ("split of text that is numbers", _split([["1", "2.5", "3e2"]], ABC)),
        ("split of text", _split([["one", "2", "3"]], ABC)),
        ("split with null", _split([[1.0, None, 3.5]], ABC)),
        ("split of nothing but null", _split([[None, None, None]], ABC)),
        ("split with NaN", _split([[1.0, NAN, 3.5]], ABC)),
        ("split with infinity", _split([[1.0, float("inf"), float("-inf")]], ABC)),
        ("split of a list in a cell", _split([[[1.0], 2.0, 3.5]], ABC)),
        ("split of an object in a cell", _split([[{"x": 1}, 2.0, 3.5]], ABC)),
        ("split of a short row", _split([[1.0, 2.0, 3.5], [1.0, 2.0]], ABC)),
        ("split of a long row", _split([[1.0, 2.0, 3.5, 4.0]], ABC)),
        ("split of rows that are objects", {"dataframe_split": {"columns": ABC, "data": [RECORD]}}),
        ("split of one row, not in a list", {"dataframe_split": {"columns": ABC, "data": ROW}}),
        ("split of a number", {"dataframe_split": {"columns": ABC, "data": 3}}),
        ("split of columns", {"dataframe_split": {"data": {"a": [1.0], "b": [2.0], "c": [3.5]}}}),
        ("split with columns that are a text", {"dataframe_split": {"columns": "abc", "data": ROWS}}),
        ("split with columns that are numbers", {"dataframe_split": {"columns": [0, 1, 2], "data": ROWS}}),
        ("split with one column that is null", {"dataframe_split": {"columns": ["a", None, "c"], "data": ROWS}}),
        ("split with columns null", {"dataframe_split": {"columns": None, "data": ROWS}}),
        ("split with index null", {"dataframe_split": {"index": None, "columns": ABC, "data": ROWS}}),
        ("split without data", {"dataframe_split": {"columns": ABC}}),
        ("split with another key", {"dataframe_split": {"columns": ABC, "data": ROWS, "extra": 1}}),
        ("split that is a list", {"dataframe_split": ROWS}),
        ("records", {"dataframe_records": [RECORD, {"c": 1, "b": 2, "a": 3}]}),
        ("records with another key", {"dataframe_records": [{**RECORD, "z": "?"}]}),
        ("records with a key in the second", {"dataframe_records": [RECORD, {**RECORD, "z": 1}]}),
        ("records without a key", {"dataframe_records": [{"a": 1.0, "b": 2.0}]}),
        ("records without a key in the second", {"dataframe_records": [RECORD, {"a": 1.0, "b": 2.0}]}),
        ("records of text that is numbers", {"dataframe_records": [{"a": "1", "b": "2", "c": "3"}]}),
        ("records with null", {"dataframe_records": [{**RECORD, "b": None}]}),
        ("records: none", {"dataframe_records": []}),
        ("records: an empty one", {"dataframe_records": [{}]}),
        ("records that are one object", {"dataframe_records": RECORD}),
        ("records that are lists", {"dataframe_records": ROWS}),
        ("records that are numbers", {"dataframe_records": [1, 2, 3]}),
        ("instances of records", {"instances": [RECORD, {"a": 3, "b": 2, "c": 1}]}),
        ("instances of records with other keys", {"instances": [RECORD, {"a": 3, "b": 2}]}),
        ("instances of rows", {"instances": ROWS}),
        ("instances of integers", {"instances": [[1, 2, 3]]}),
        ("instances of numbers", {"instances": ROW}),
        ("instances: none", {"instances": []}),
        ("instances that are one record", {"instances": RECORD}),
        ("instances that are a number", {"instances": 3}),
        ("inputs of columns", {"inputs": {"a": [1.0, 2.0], "b": [2.0, 1], "c": [3.5, 0]}}),
        ("inputs of columns in another order", {"inputs": {"c": [3.5], "a": [1.0], "b": [2.0]}}),
        ("inputs of columns of integers", {"inputs": {"a": [1, 2], "b": [2, 1], "c": [3, 0]}}),
        ("inputs of columns of different lengths", {"inputs": {"a": [1.0, 2.0], "b": [2.0], "c": [3.5]}}),
        ("inputs of columns with text", {"inputs": {"a": ["1"], "b": ["2"], "c": ["x"]}}),
        ("inputs of columns with text that is numbers", {"inputs": {"a": ["1"], "b": ["2"], "c": ["3"]}}),
        ("inputs of columns with null", {"inputs": {"a": [None], "b": [2.0], "c": [3.5]}}),
        ("inputs of columns that are nested", {"inputs": {"a": [[1.0]], "b": [[2.0]], "c": [[3.5]]}}),
        ("inputs of scalars", {"inputs": {"a": 1.0, "b": 2, "c": 3.5}}),
        ("inputs without a column", {"inputs": {"a": [1.0], "b": [2.0]}}),
        ("inputs with another column", {"inputs": {"a": [1.0], "b": [2.0], "c": [3.5], "z": [1]}}),
        ("inputs of records", {"inputs": [RECORD]}),
        ("inputs of rows", {"inputs": ROWS}),
        ("inputs of integers", {"inputs": [[1, 2, 3]]}),
        ("inputs of ragged rows", {"inputs": [[1.0, 2.0, 3.5], [1.0]]}),
        ("inputs that are null", {"inputs": None}),
        ("inputs that are a text", {"inputs": "text"}),
    ]
    return [_sent(model, about, document) for about, document in found]


def _documents() -> list[Case]:
    """What is wrong, or odd, with the document or its Content-Type."""
    good = _split(ROWS, ABC)
    found: list[tuple[str, Any, str | None]] = [
        ("parameters are ignored", {**good, "params": {"x": 1}}, JSON),
        ("parameters of another kind are ignored", {**good, "params": 7}, JSON),
        ("other keys are ignored", {**good, "more": 1, "signature_name": "x"}, JSON),
        ("two of the keys", {**good, "inputs": ROWS}, JSON),
        ("none of the keys", {"data": ROWS}, JSON),
        ("an empty object", {}, JSON),
        ("a list", ROWS, JSON),
        ("a number", 3, JSON),
        ("null", None, JSON),
        ("a text", "text", JSON),
        ("not JSON", b"{'a': 1}", JSON),
        ("JSON and more", json.dumps(good).encode() + b" x", JSON),
        ("nothing", b"", JSON),
        ("not UTF-8", b'{"inputs": ["\xff"]}', JSON),
        ("UTF-16", json.dumps(good).encode("utf-16"), JSON),
        ("a byte order mark", b"\xef\xbb\xbf" + json.dumps(good).encode(), JSON),
        ("a key twice", b'{"inputs": [[9, 9, 9]], "inputs": [[1.0, 2.0, 3.5]]}', JSON),
        ("NaN as a literal", b'{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[NaN, 1, Infinity]]}}', JSON),
        ("numbers of many digits", b'{"inputs": [[0.1000000000000000055511151231257827, 1E400, -1e-400]]}', JSON),
        ("charset utf-8", good, "application/json; charset=utf-8"),
        ("charset UTF-8", good, "application/json;charset=UTF-8"),
        ("charset latin-1", good, "application/json; charset=latin-1"),
        ("a format of MLflow 1", good, "application/json; format=pandas-split"),
        ("a media type in capitals", good, "Application/JSON"),
        ("text/plain", good, "text/plain"),
        ("a vendor's JSON", good, "application/vnd.api+json"),
        ("an empty media type", good, ""),
        ("a form", b"a=1", "application/x-www-form-urlencoded"),
        ("CSV", b"a,b,c\n1.0,2.0,3.5\n0,1,2\n", CSV),
        ("CSV in another order", b"c,b,a\n1.0,2.0,3.5\n", CSV),
        ("CSV with another column", b"a,z,b,c\n1.0,x,2.0,3.5\n", CSV),
        ("CSV without a column", b"a,b\n1.0,2.0\n", CSV),
        ("CSV of text", b"a,b,c\nx,2.0,3.5\n", CSV),
        ("CSV with an empty cell", b"a,b,c\n1.0,,3.5\n", CSV),
        ("CSV of no rows", b"a,b,c\n", CSV),
        ("CSV of nothing", b"", CSV),
        ("CSV that is not UTF-8", b"a,b,c\n\xff,1,2\n", CSV),
        ("CSV with quotes and CRLF", b'"a","b","c"\r\n"1.0","2","3"\r\n', CSV),
        ("CSV with charset", b"a,b,c\n1,2,3\n", "text/csv; charset=utf-8"),
        ("Parquet that is none", b"PAR1 no", PARQUET),
    ]
    return [_sent("columns", about, document, kind) for about, document, kind in found]


def _mixed() -> list[Case]:
    names = ["d", "f", "l", "i", "b", "s"]
    good = [0.1, 0.1, 3, 4, True, "x"]
    cells: list[tuple[str, str, Any]] = [
        ("text for a double", "d", "1.5"), ("a word for a double", "d", "x"), ("null for a double", "d", None),
        ("truth for a double", "d", True), ("text for a float", "f", "0.1"), ("too much for a float", "f", 1e300),
        ("a fraction for a long", "l", 3.5), ("3.0 for a long", "l", 3.0), ("null for a long", "l", None),
        ("text for a long", "l", "12"), ("a fraction as text for a long", "l", "3.5"), ("truth for a long", "l", True),
        ("2**62 for a long", "l", 2**62), ("2**63 for a long", "l", 2**63), ("2**40 for an integer", "i", 2**40),
        ("a fraction for an integer", "i", 2.5), ("text for an integer", "i", "4"),
        ("text for a boolean", "b", "false"), ("empty text for a boolean", "b", ""), ("null for a boolean", "b", None),
        ("1 for a boolean", "b", 1), ("2.5 for a boolean", "b", 2.5), ("a number for a string", "s", 5),
        ("a fraction for a string", "s", 5.5), ("null for a string", "s", None), ("truth for a string", "s", True),
        ("a list for a string", "s", ["x"]), ("NaN for a double", "d", NAN),
        ("infinity for a double", "d", float("inf")),
        ("NaN for a long", "l", NAN),
    ]  # fmt: skip
    found = [_sent("mixed", "split", _split([good, [1, 2, -3, -4, False, ""]], names))]
    for about, name, value in cells:
        row = [value if name == one else other for one, other in zip(names, good, strict=True)]
        found.append(_sent("mixed", f"{about}, split", _split([row, good], names)))
        found.append(_sent("mixed", f"{about}, records", {"dataframe_records": [dict(zip(names, row, strict=True))]}))
        columns = {one: [cell] for one, cell in zip(names, row, strict=True)}
        found.append(_sent("mixed", f"{about}, inputs", {"inputs": columns}))
        found.append(_sent("mixed", f"{about}, instances", {"instances": [dict(zip(names, row, strict=True))]}))
    csv: list[tuple[str, bytes]] = [
        ("", b"0.1,0.1,3,4,True,x"), (" of a fraction for a long", b"0.1,0.1,3.5,4,True,x"),
        (" of a word for a boolean", b"0.1,0.1,3,4,maybe,x"), (" of a number for a string", b"1,1,3,4,False,007"),
        (" of an empty string", b"1,1,3,4,False,"), (" of no long", b"1,1,,4,False,x"),
        (" of 2**40 for an integer", b"1,1,1,1099511627776,False,x"),
    ]  # fmt: skip
    found += [_sent("mixed", f"CSV{about}", b"d,f,l,i,b,s\n" + line + b"\n", CSV) for about, line in csv]
    return found


def _others() -> list[Case]:
    text = base64.b64encode(b"\x00\xffabc").decode()
    dates: list[tuple[str, Any]] = [
        ("split", _split([["2026-01-02T03:04:05", text]], ["when", "blob"])),
        ("records", {"dataframe_records": [{"when": "2026-01-02", "blob": text}]}),
        ("inputs", {"inputs": {"when": ["2026-01-02T03:04:05"], "blob": [text]}}),
        ("with a zone", _split([["2026-01-02T03:04:05Z", text]], ["when", "blob"])),
        ("no date", _split([["tomorrow", text]], ["when", "blob"])),
        ("a number for a date", _split([[1767322800000000000, text]], ["when", "blob"])),
        ("null for a date", _split([[None, text]], ["when", "blob"])),
        ("no base64", _split([["2026-01-02", "?"]], ["when", "blob"])),
        ("a number for bytes", _split([["2026-01-02", 3]], ["when", "blob"])),
        ("CSV", b"when,blob\n2026-01-02,AP8=\n"),
    ]
    tensors: list[tuple[str, Any]] = [
        ("inputs", {"inputs": [[1, 2, 3]]}), ("inputs of fractions", {"inputs": [[0.1, 2, 3], [1e-3, 5, 6]]}),
        ("inputs of another width", {"inputs": [[1, 2]]}), ("inputs of another rank", {"inputs": [1, 2, 3]}),
        ("inputs of three dimensions", {"inputs": [[[1, 2, 3]]]}), ("inputs of text", {"inputs": [["a", "b", "c"]]}),
        ("inputs of text that is numbers", {"inputs": [["1", "2", "3"]]}),
        ("inputs of null", {"inputs": [[1, None, 3]]}),
        ("inputs of truths", {"inputs": [[True, False, True]]}), ("inputs: none", {"inputs": []}),
        ("inputs of too much", {"inputs": [[1e300, 1, 2]]}), ("inputs ragged", {"inputs": [[1, 2, 3], [4]]}),
        ("inputs that are an object", {"inputs": {"x": [[1, 2, 3]]}}),
        ("inputs of large integers", {"inputs": [[2**24 + 1, 2**63, 1]]}),
        ("instances", {"instances": [[1, 2, 3]]}), ("instances of an object", {"instances": [{"x": [1, 2, 3]}]}),
        ("split", _split([[1, 2, 3]], ["x", "y", "z"])), ("split without names", _split([[1, 2, 3]])),
        ("NaN", b'{"inputs": [[NaN, 1, -Infinity]]}'),
    ]  # fmt: skip
    named: list[tuple[str, Any]] = [
        ("inputs", {"inputs": {"ids": [[1, 2]], "weights": [0.1]}}),
        ("instances of records", {"instances": [{"ids": [1, 2], "weights": 0.1}, {"ids": [3, 4], "weights": 2}]}),
        ("inputs of records", {"inputs": [{"ids": [1, 2], "weights": 0.1}]}),
        ("inputs of fractions for integers", {"inputs": {"ids": [[1.5, 2]], "weights": [0.1]}}),
        ("inputs without one", {"inputs": {"ids": [[1, 2]]}}),
        ("inputs with another", {"inputs": {"ids": [[1, 2]], "weights": [0.1], "z": [1]}}),
        ("inputs of another shape", {"inputs": {"ids": [[1, 2, 3]], "weights": [0.1]}}),
        ("inputs of 2**63", {"inputs": {"ids": [[2**63, 2]], "weights": [0.1]}}),
        ("an array", {"inputs": [[1, 2]]}),
        ("split", _split([[[1, 2], 0.1]], ["ids", "weights"])),
    ]
    nested: list[tuple[str, Any]] = [
        ("records", {"dataframe_records": [{"thing": {"x": 1.5, "tags": ["a"]}, "ids": [1, 2]}]}),
        ("records without the optional", {"dataframe_records": [{"thing": {"x": 1.5}, "ids": []}]}),
        ("records of another type", {"dataframe_records": [{"thing": {"x": "1"}, "ids": [1]}]}),
        ("inputs", {"inputs": [{"thing": {"x": 1.5, "tags": ["a"]}, "ids": [1, 2]}]}),
        ("inputs of one", {"inputs": {"thing": {"x": 1.5}, "ids": [1]}}),
        ("instances", {"instances": [{"thing": {"x": 1.5, "tags": ["a"]}, "ids": [1, 2]}]}),
    ]
    given: list[tuple[str, Any]] = [
        ("none", ...), ("null", None),
        ("all", {"temperature": 0.1, "top": 5, "name": "y", "flag": True, "stops": ["b"]}),
        ("one", {"top": 5}), ("unknown", {"unknown": 1}), ("integer for a double", {"temperature": 1}),
        ("text for a double", {"temperature": "10"}), ("truth for a long", {"top": True}),
        ("fraction for a long", {"top": 1.5}), ("number for a string", {"name": 5}),
        ("number for a boolean", {"flag": 1}), ("scalar for an array", {"stops": "b"}),
        ("list", [1]), ("text", "top"), ("null for one", {"top": None}), ("empty array", {"stops": []}),
    ]  # fmt: skip
    good = _split([ROW], ABC)
    kinds: list[str] = [
        "frame", "indexed frame", "empty frame", "frame of dates", "series", "named series", "array", "integers",
        "singles", "texts", "moments", "list", "list of arrays", "dict", "dict of arrays", "dict of frames",
        "number keys", "tuple", "text", "number", "integer", "large integer", "NumPy number", "NumPy truth", "truth",
        "nothing", "moment", "date", "time", "timestamp", "bytes", "nan", "nan array", "nan number",
        "small and large", "set", "object", "complex", "raise", "refuse",
    ]  # fmt: skip
    hinted: list[tuple[str, Any]] = [
        ("inputs", {"inputs": [{"name": "nut", "count": 3}, {"name": "bolt", "count": 1, "weight": 0.5}]}),
        ("inputs of another type", {"inputs": [{"name": "nut", "count": "three"}]}),
        ("inputs without a member", {"inputs": [{"name": "nut"}]}),
        ("inputs with another member", {"inputs": [{"name": "nut", "count": 3, "z": 1}]}),
        ("inputs that are one object", {"inputs": {"name": "nut", "count": 3}}),
        ("inputs: none", {"inputs": []}),
        ("split", _split([["nut", 3]], ["name", "count"])),
        ("instances", {"instances": [{"name": "nut", "count": 3}]}),
        ("none of the keys", {"x": 1}),
    ]
    chat: list[tuple[str, Any]] = [
        ("messages", {"messages": [{"role": "user", "content": "hi"}], "temperature": 0.3}),
        ("prompt", {"prompt": "hi", "n": 2}), ("input", {"input": ["hi"]}),
        ("messages and inputs", {"messages": [], "inputs": [1]}), ("messages that are null", {"messages": None}),
    ]  # fmt: skip
    found = [_sent("dates", about, one, CSV if isinstance(one, bytes) else JSON) for about, one in dates]
    found += [_sent("tensor", about, document) for about, document in tensors]
    found += [_sent("tensor", "CSV", b"a,b,c\n1,2,3\n", CSV)]
    found += [_sent("named", about, document) for about, document in named]
    found += [_sent("nested", about, document) for about, document in nested]
    found += [_sent("params", about, good if one is ... else {**good, "params": one}) for about, one in given]
    found += [_sent("params", "chat", {"messages": ["x"], "temperature": 0.9, "other": 1})]
    found += [_sent("params", "CSV", b"a,b,c\n1,2,3\n", CSV)]
    found += [_sent("results", kind, _split([[kind]], ["kind"])) for kind in kinds]
    found += [_sent("hinted", about, document) for about, document in hinted]
    found += [_sent("anything", about, document) for about, document in chat]
    found += [_sent("one", "inputs that are a list of text", {"inputs": ["a", "b"]})]
    found += [_sent("one", "inputs that are a text", {"inputs": "a"})]
    found += [_sent("one", "inputs of one column", {"inputs": {"text": ["a"]}})]
    found += [_sent("one", "instances", {"instances": ["a", "b"]})]
    found += [_sent("one", "split", _split([["a"], [None]], ["text"]))]
    found += [_sent("optional", "both", _split([[1.0, 2.0]], ["a", "b"]))]
    found += [_sent("optional", "only what is required", _split([[1.0]], ["a"]))]
    found += [_sent("optional", "null", _split([[1.0, None]], ["a", "b"]))]
    found += [_sent("optional", "null, records", {"dataframe_records": [{"a": 1, "b": None}, {"a": None}]})]
    found += [_sent("floats", about, _split(rows, ["a", "b"])) for about, rows in (
        ("fractions", [[0.1, 0.2]]), ("integers", [[16777217, 1]]), ("too much", [[1e300, 1.0]]),
        ("null", [[None, 1.0]]),
    )]  # fmt: skip
    return found


NUMERIC = ("columns", "longs", "bare", "matrix", "unnamed", "doubles", "anything")
CASES = [
    *(case for model in NUMERIC for case in _numbers(model)),
    *_documents(),
    Case("columns", "no Content-Type", json.dumps(_split(ROWS, ABC)).encode(), None),
    *_mixed(),
    *_others(),
]
MODELS = tuple(dict.fromkeys(case.model for case in CASES))
