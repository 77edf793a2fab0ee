"""json_text: bodies in, results out; measured against the standard library's json."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import pathlib
import subprocess
import sys
import uuid
from collections.abc import Callable

import numpy as np
import orjson
import pandas as pd
import pydantic
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scoringhost.errors import ResultNotEncodable, UndecodableBody
from scoringhost.schema.json_text import NanPolicy, dumps, dumps_numbers, loads

Pair = collections.namedtuple("Pair", "left right")


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass(slots=True)
class Hidden:
    shown: int
    _own: int = 2


@dataclasses.dataclass
class Within:
    one: object
    some: object
    day: object


class Model(pydantic.BaseModel):
    name: str = pydantic.Field(alias="Name")
    id: uuid.UUID
    score: float | None = None
    model_config = pydantic.ConfigDict(populate_by_name=True)


class Level(enum.IntEnum):
    HIGH = 3


class Word(str):
    """A string by inheritance."""


@dataclasses.dataclass
class Record:
    price: float = 1.5


def nested(levels: int) -> object:
    value: object = None
    for _ in range(levels):
        value = [value]
    return value


def told(value: object, nan: NanPolicy = NanPolicy.NULL) -> tuple[object, int]:
    """What a reader of the encoded value gets, and how often a lost NaN was reported."""
    calls: list[bool] = []
    data = dumps(value, nan=nan, on_nonfinite=lambda: calls.append(True))
    assert b"\n" not in data
    return json.loads(data), len(calls)


def read(value: object) -> object:
    answer, reports = told(value)
    assert reports == 0
    return answer


def outcome(parse: Callable[[bytes], object], data: bytes) -> str:
    """A comparable text that tells 1 from 1.0, 0.0 from -0.0 and NaN from everything."""
    try:
        return repr(parse(data))
    except (ValueError, UndecodableBody, RecursionError):
        return "refused"


any_text = st.text(st.characters(exclude_categories=()), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text
keys = any_text | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none()
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner),
    max_leaves=20,
)
loose_text = st.text('[]{}",:0123456789.eE+-truefalsnNIity \n\\ud8', max_size=30)


# -- loads


@settings(max_examples=150, deadline=None)
@given(json_values, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-le"]), st.booleans())
def test_what_json_wrote_is_read_as_json_reads_it(value: object, charset: str, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode(charset, "surrogatepass")

    assert outcome(loads, data) == outcome(json.loads, data)


@settings(max_examples=600, deadline=None)
@given(loose_text.map(str.encode) | st.binary(max_size=12))
@example(b"[18446744073709551615]")
@example(b"[18446744073709551616]")
@example(b"-9223372036854775808")
@example(b"-9223372036854775809")
@example(b'{"a":99999999999999999999}')
@example(b"123456789012345678901234567890")
@example(b"[0.12345678901234567890123, 12345678901234567890123.5, 1e-00000000000000000000001]")
@example(b"[1,\t123456789012345678901]")
@example(b'{"a": 1, "a": 2}')
@example(b"[NaN, Infinity, -Infinity, 1e400, -0, -0.0]")
@example(b'"\\ud800"')
@example(b'"\xed\xa0\x80"')
def test_bytes_are_taken_or_refused_as_json_does(data: bytes) -> None:
    assert outcome(loads, data) == outcome(json.loads, data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b" \n", "line 2 column 1"),
        (b"{'count': 3}", "line 1 column 2"),
        (b'{"count": "a\nb"}', "Invalid control character"),
        (b'{"count": "\xff"}', "utf-8.*byte 11"),
        (b"\x1f\x8b\x08\x00", "utf-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 50_000 + b"]" * 50_000, "nested too deeply"),
        (b'{"count": ' + b"9" * 5000 + b"}", "4300 digits"),
    ],
)
def test_a_body_that_is_no_json_is_refused_with_the_reason(data: bytes, says: str) -> None:
    with pytest.raises(UndecodableBody, match=says):
        loads(data)


# -- dumps: JSON's own types


@settings(max_examples=250, deadline=None)
@given(json_values)
@example(2**70)
@example({"wide": [2**64, -(2**63) - 1], "low": "\ud800"})
@example({None: 1, True: 2, 1.5: 3, 10**30: 4, float("nan"): 5})
def test_a_json_value_is_written_as_json_writes_it(value: object) -> None:
    assert repr(read(value)) == repr(json.loads(json.dumps(value)))


@pytest.mark.parametrize("levels", [100, 300, 600, 800])
def test_a_value_may_be_nested_as_deeply_as_json_follows(levels: int) -> None:
    assert dumps(nested(levels), on_nonfinite=pytest.fail) == b"[" * levels + b"null" + b"]" * levels


@pytest.mark.parametrize(
    "value",
    [
        Pair(1, "r"),
        Level.HIGH,
        {Level.HIGH: [Level.HIGH]},
        Word("w"),
        {Word("k"): Word("v")},
        collections.OrderedDict(b=1, a=2),
        collections.defaultdict(list, x=[(1, 2)]),
        np.float64(2.25),
        np.str_("text"),
    ],
    ids=repr,
)
def test_subclasses_of_json_types_are_written_as_json_writes_them(value: object) -> None:
    assert repr(read(value)) == repr(json.loads(json.dumps(value)))


# BUG: each of these was refused, though orjson, or a plain rule, has words for it.
@pytest.mark.parametrize(
    "value",
    [
        Record(),
        [Record(2.0)],
        {"a": Record()},
        Hidden(1),
        Within(Record(), [Record()], datetime.date(2024, 1, 31)),
        Colour.RED,
        {"colour": Colour.RED},
        uuid.UUID(int=5),
        {uuid.UUID(int=5): Colour.RED},
        {Colour.RED: 1},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_orjson_writes_by_itself_is_written_as_orjson_does(value: object) -> None:
    assert read(value) == orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (decimal.Decimal("1.10"), "1.10"),
        ({decimal.Decimal("1.10"): 1}, {"1.10": 1}),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({None}, [None]),
        (collections.deque([1, 2]), [1, 2]),
        (datetime.timedelta(hours=1), "P0DT1H0M0S"),
        (
            Within(Record(float("nan")), {np.int64(1)}, np.zeros(2)),
            {"one": {"price": None}, "some": [1], "day": [0, 0]},
        ),
        (Model(Name="n", id=uuid.UUID(int=5)), {"Name": "n", "id": str(uuid.UUID(int=5)), "score": None}),
        (
            [Model(Name="n", id=uuid.UUID(int=5), score=float("nan"))],
            [{"Name": "n", "id": str(uuid.UUID(int=5)), "score": None}],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_orjson_has_no_words_for_is_written_by_a_rule(value: object, expected: object) -> None:
    assert json.loads(dumps(value)) == expected


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (fractions.Fraction(1, 2), "fractions.Fraction"),
        (Record, "the class Record itself"),
        ((item for item in (1, 2)), "generator"),
        (range(3), "range"),
        (len, "builtin_function"),
        (ValueError("returned"), "ValueError"),
        (object(), "object"),
        (1j, "complex"),
        (np.array([1j]), "complex"),
        (pd.Period("2024-01"), "Period"),
        ({(1, 2): "pair"}, "key of type tuple"),
        ({b"raw": 1}, "key of type bytes"),
        (10**5000, "4300 digits"),
        (nested(50_000), "list .*nested too deeply"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_type_that_json_lacks_is_refused_by_name(value: object, names: str) -> None:
    with pytest.raises(ResultNotEncodable, match=names):
        dumps(value)


@pytest.mark.parametrize("value", [object(), range(3), Record], ids=lambda v: type(v).__name__)
def test_a_refusal_tells_the_place(value: object) -> None:
    with pytest.raises(ResultNotEncodable, match=r"at \.rows\[2\]\.price$"):
        dumps({"rows": [1, 2, {"price": value}]})


def test_a_value_that_contains_itself_is_refused() -> None:
    ring: list[object] = [1]
    ring.extend([ring, ring])

    with pytest.raises(ResultNotEncodable, match="contains itself"):
        dumps({"ring": ring})


# -- dumps: NaN and infinity


@pytest.mark.parametrize(
    ("value", "as_null"),
    [
        (float("nan"), None),
        ([1.0, float("nan"), "x"], [1.0, None, "x"]),
        ({"up": float("inf"), "none": None}, {"up": None, "none": None}),
        ({1: [float("-inf")]}, {"1": [None]}),
        (np.float64("nan"), None),
        (np.float32("inf"), None),
        (np.array([[1.5, np.nan]]), [[1.5, None]]),
        (np.array([[1.5], [np.inf]]).T, [[1.5, None]]),
        ({"a": [np.array([np.nan], dtype="f4")]}, {"a": [[None]]}),
        ([float("nan"), datetime.date(2024, 1, 31), 2**70], [None, "2024-01-31", 2**70]),
    ],
    ids=repr,
)
def test_nan_and_infinity_become_null_and_are_reported_once(value: object, as_null: object) -> None:
    assert told(value) == (as_null, 1)


def test_nan_becomes_null_when_nobody_asks_for_a_report() -> None:
    assert dumps([float("nan")]) == b"[null]"


@pytest.mark.parametrize("value", [None, "null", [None, 1.5], {"a": None, "b": [[1.5, None], np.ones(2)]}], ids=repr)
def test_a_null_that_is_no_nan_is_not_reported(value: object) -> None:
    assert told(value)[1] == 0


@pytest.mark.parametrize(
    "value", [[1.0, float("nan"), None], {"up": float("inf"), 2: float("-inf")}, [2**70, float("nan")]], ids=repr
)
def test_nan_stays_literal_if_so_chosen(value: object) -> None:
    answer, reports = told(value, NanPolicy.LITERAL)

    assert (repr(answer), reports) == (repr(json.loads(json.dumps(value))), 0)


def test_nan_in_an_array_stays_literal_if_so_chosen() -> None:
    assert dumps({"a": np.array([np.nan, 1.5])}, nan=NanPolicy.LITERAL) == b'{"a":[NaN,1.5]}'


# -- imports


def test_neither_numpy_nor_pandas_is_imported_for_a_script_without_them() -> None:
    program = (
        "import sys, datetime; from scoringhost.schema.json_text import dumps, loads\n"
        "dumps([1, {2: datetime.date(2024, 1, 31)}]); loads(b'[1e400]')\n"
        "assert not {'numpy', 'pandas'} & set(sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# -- lists of numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("numbers", [[], [1.5], [1, 2.5, True], [-0.0, 1e300, 2**63], [0.1] * 1000])
def test_a_list_of_numbers_is_encoded_as_ever(numbers: list[object]) -> None:
    assert dumps_numbers(numbers) == dumps(numbers)


@pytest.mark.parametrize(
    "values",
    [["a"], [None], [[1.0]], [1.0, {}], [float("nan")], [1.0, float("inf")], [2**64], [0.0] * 200_000, [np.float64(1)]],
)
def test_what_is_no_list_of_plain_numbers_is_left_to_others(values: list[object]) -> None:
    assert dumps_numbers(values) is None
