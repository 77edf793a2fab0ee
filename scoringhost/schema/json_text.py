"""Python <-> JSON bytes: what a request body says, and what run() returned as one line of JSON.

Decoding is one orjson call; the standard library takes over where orjson refuses, or would round,
what `json.loads` accepts. Encoding is one orjson call for values made of JSON's own types and of
numeric arrays; everything else goes through `json_values.Converter` first. numpy and pandas are never imported
here: a value can only be theirs if the script has imported them.
"""

from __future__ import annotations

import enum
import json
import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from scoringhost.errors import ResultNotEncodable, UndecodableBody
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.json_values import SCALARS, Converter, Refused, are_finite_scalars, is_a, name_of
from scoringhost.schema.large_json import LARGE, PIECE, encode_in_pieces

_NUMBERS = frozenset((float, int, bool))

# -- reading -------------------------------------------------------------------------------------

# orjson rounds an integer beyond 64 bit to a float without a word. Such a literal is a sign or digit
# followed by 19 digits, right after a delimiter; seen through this table: a space and twenty d.
# Everything else becomes a dot, which lets the search skip quickly.
_SHAPE = bytes(100 if chr(i) in "-0123456789" else 32 if chr(i) in "[,: \t\r\n" else 46 for i in range(256))
_WIDE_INTEGER = b" " + b"d" * 20
_WIDE_INTEGER_ALONE = b"d" * 20


def loads(data: bytes) -> JsonValue:
    """Answer what `json.loads(data)` does: UTF-8, -16 or -32, exact integers, NaN and Infinity too.

    Raises:
        UndecodableBody: if it is empty, not Unicode, not JSON (the message gives the position),
            nested too deeply, or holds an integer of more digits than Python converts.
    """
    shape = data.translate(_SHAPE)
    # find() where `in` would do: that tries a number first, by way of an exception
    if shape.find(_WIDE_INTEGER) < 0 and not (shape and shape[0] == 100 and shape.startswith(_WIDE_INTEGER_ALONE)):
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass  # json may accept it, and its messages are the ones that callers know
    return _loads_carefully(data)


def _loads_carefully(data: bytes) -> JsonValue:
    if not data:
        raise UndecodableBody("POST body is empty. Expecting a JSON dictionary.")
    try:
        return json.loads(data)
    except RecursionError:
        reason = "it is nested too deeply"
    except UnicodeDecodeError as error:
        reason = f"it is not {error.encoding} text: {error.reason} at byte {error.start}"
    except ValueError as error:  # JSONDecodeError, or an integer of too many digits
        reason = str(error)
    raise UndecodableBody(f"POST body could not be decoded as JSON: {reason}")


# -- writing -------------------------------------------------------------------------------------


class NanPolicy(enum.Enum):
    """How NaN and the infinities, for which JSON has no word, are written."""

    NULL = "null"
    LITERAL = "literal"
    """`NaN`, `Infinity`, `-Infinity`, as `json.dumps` does; many clients reject it."""


def dumps(
    value: object,
    *,
    nan: NanPolicy = NanPolicy.NULL,
    on_nonfinite: Callable[[], None] | None = None,
    in_pieces: bool = False,
) -> bytes:
    """Encode what run() returned as one line of JSON.

    JSON's own types come out as the values `json.dumps` gives, keys included. Beyond them: arrays
    and numpy scalars, `DataFrame` (a list of records, missing cells null), `Series`, dates and
    times (ISO 8601), and bytes (base64). `on_nonfinite` is called once if a NaN or infinity was
    written as null; leave it out when nobody wants to know, which is faster. `in_pieces` lets other
    threads go on meanwhile, which takes a little longer; see `large_json`.

    Raises:
        ResultNotEncodable: for any other type (it is named, with its place), for a value that
            contains itself, is nested too deeply, or holds an integer of too many digits.
    """
    is_plain = _is_plain_in_pieces(value) if in_pieces else _is_plain(value)
    data = _dumps_plain(value, in_pieces) if is_plain else None
    if data is None or (nan is NanPolicy.LITERAL and data.find(b"null") >= 0):
        return _dumps_converted(value, nan, on_nonfinite, in_pieces)
    if on_nonfinite is not None and data.find(b"null") >= 0 and _has_nonfinite(value):
        on_nonfinite()
    return data


def dumps_numbers(values: list[object]) -> bytes | None:
    """Encode a list of numbers, which most results are; None if it holds anything else, or what `dumps` treats apart.

    Without a look at how large it is, and what it holds, apart: that cost 2 % of a small request.
    """
    if len(values) > LARGE or not _NUMBERS.issuperset(map(type, values)):
        return None
    try:
        data = orjson.dumps(values)
    except TypeError:  # a wide integer
        return None
    return data if data.find(b"null") < 0 else None  # NaN or an infinity


def _dumps_plain(value: object, in_pieces: bool) -> bytes | None:
    """Encode a value for which `_is_plain` holds; None if it needs conversion after all."""
    try:
        return encode_in_pieces(value) if in_pieces else orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        pass  # keys that are not strings, wide integers, lone surrogates, depth: json takes them
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError):
        return None


def _dumps_converted(value: object, nan: NanPolicy, on_nonfinite: Callable[[], None] | None, in_pieces: bool) -> bytes:
    converter = Converter(keeps_nonfinite=nan is NanPolicy.LITERAL)
    try:
        tree = converter.convert(value)
        data = _dumps_tree(tree, converter.met_nonfinite and nan is NanPolicy.LITERAL, in_pieces)
    except Refused as refused:
        raise ResultNotEncodable(str(refused)) from None
    except RecursionError:
        return _dumps_deep(value, nan)
    except ValueError as error:  # an integer of too many digits
        raise ResultNotEncodable(str(error)) from None
    if converter.met_nonfinite and nan is NanPolicy.NULL and on_nonfinite is not None:
        on_nonfinite()
    return data


def _dumps_deep(value: object, nan: NanPolicy) -> bytes:
    """Encode what is nested more deeply than the converter can follow; json goes twice as deep."""
    try:
        return json.dumps(value, allow_nan=nan is NanPolicy.LITERAL, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError):
        reason = f"the {name_of(value)} contains itself or is nested too deeply"
    raise ResultNotEncodable(reason)


def _dumps_tree(tree: object, has_literal_nan: bool, in_pieces: bool) -> bytes:
    """Encode what `Converter` made; all arrays and numpy scalars left in it are finite numbers."""
    if not has_literal_nan:
        try:
            return encode_in_pieces(tree) if in_pieces else orjson.dumps(tree, option=orjson.OPT_SERIALIZE_NUMPY)
        except TypeError:
            pass  # wide integers, lone surrogates, depth
    return json.dumps(tree, separators=(",", ":"), default=lambda left: left.tolist()).encode("ascii")


def _is_plain(value: object) -> bool:
    """Whether the value holds nothing but JSON's own types and numeric arrays.

    orjson would also write enums, UUIDs and NaT without asking, so it is given only what this
    passes. Keys are left out: orjson refuses all but strings by itself.
    """
    kind = type(value)
    if kind in SCALARS:
        return True
    items: Iterable[object]
    if kind is list or kind is tuple:
        items = value  # type: ignore[assignment]
    elif kind is dict:
        items = value.values()  # type: ignore[attr-defined]
    else:
        return _is_numeric(value)
    try:
        return SCALARS.issuperset(map(type, items)) or all(map(_is_plain, items))
    except RecursionError:
        return False


def _is_plain_in_pieces(value: Any) -> bool:
    """The same, without looking at millions of items in one go, during which no other thread runs."""
    kind = type(value)
    if kind is dict:
        return all(map(_is_plain_in_pieces, value.values()))
    if kind is not list and kind is not tuple:
        return _is_plain(value)
    if len(value) <= PIECE:
        return SCALARS.issuperset(map(type, value)) or all(map(_is_plain_in_pieces, value))
    return all(_is_plain_in_pieces(value[start : start + PIECE]) for start in range(0, len(value), PIECE))


def _is_numeric(value: object) -> bool:
    """Whether it is an array or numpy scalar of numbers; orjson refuses subclasses by itself."""
    if not is_a(value, "numpy", "ndarray") and not is_a(value, "numpy", "generic"):
        return False
    array: Any = value
    return array.dtype.kind in "biuf"


def _has_nonfinite(value: object) -> bool:
    """Whether a plain value, known to contain no cycle, holds a NaN or an infinity."""
    waiting = [value]
    while waiting:
        item: Any = waiting.pop()
        kind = type(item)
        if kind is list or kind is tuple or kind is dict:
            items = item.values() if kind is dict else item
            if not are_finite_scalars(items):
                waiting.extend(items)
        elif kind is float:
            if not math.isfinite(item):
                return True
        elif kind not in SCALARS and not sys.modules["numpy"].isfinite(item).all():
            return True
    return False
