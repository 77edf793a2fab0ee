"""Large results: how large, roughly, and how they are encoded without holding everybody up.

orjson keeps the interpreter lock until it is done. 40 MB take it 0.3 s, during which no other thread
runs, the event loop's included. Encoded in pieces of about a millisecond each they hold the lock no
longer than that, and the text is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

from scoringhost.schema.json_values import SCALARS, is_a

LARGE = 131_072
"""The weight above which a result is large: some 5 ms of encoding."""

PIECE = 16_384
"""The weight of what is encoded in one go."""

LETTERS = 32
"""Characters that weigh as much as one number."""

FRAME_CELL = 16
"""The weight of a cell of a frame, which becomes a Python object and a member of a dict before."""

_FEW = 16


def weight_of(value: Any) -> int:
    """Roughly how long encoding takes, in numbers: a number has the weight 1, which stands for some 40 ns.

    Looks at few items of a long list and takes them for all of it.
    """
    kind = type(value)
    if kind is str or kind is bytes or kind is bytearray:
        return 1 + len(value) // LETTERS
    if kind in SCALARS:
        return 1
    if kind is list or kind is tuple:
        if len(value) <= _FEW:
            return 1 + sum(map(weight_of, value))
        return len(value) * max(weight_of(value[0]), weight_of(value[len(value) // 2]), weight_of(value[-1]))
    if kind is dict:
        weights = list(map(weight_of, islice(value.values(), _FEW)))
        return 1 + len(value) * (2 + max(weights, default=0))
    if is_a(value, "numpy", "ndarray"):
        return int(value.size)
    if is_a(value, "pandas", "DataFrame"):
        return FRAME_CELL * int(value.size)
    return FRAME_CELL * len(value) if is_a(value, "pandas", "Series") else 1


def is_large(value: Any) -> bool:
    """Whether encoding a value takes so long that an event loop should not wait for it.

    Asked for every result, so it looks at less than `weight_of`: of a list at both ends, of a dict
    at a few members.
    """
    kind = type(value)
    if kind is list and value and type(value[0]) is float is type(value[-1]):
        return len(value) > LARGE
    if kind in SCALARS:
        return kind is str and len(value) > LARGE * LETTERS
    try:
        return _weight_at_a_glance(value) > LARGE
    except RecursionError:  # it contains itself, or is nested too deeply to be encoded
        return False


def _weight_at_a_glance(value: Any) -> int:
    kind = type(value)
    if kind in SCALARS:
        return len(value) // LETTERS if kind is str else 1
    if kind is list:
        if not value:
            return 1
        first, last = value[0], value[-1]
        weight = 1 if type(last) in SCALARS and type(last) is not str else _weight_at_a_glance(last)
        if type(first) is not type(last):
            weight = max(weight, _weight_at_a_glance(first))
        return len(value) * weight
    if kind is dict and len(value) <= _FEW:
        weight = 0
        for item in value.values():
            weight += 1 if type(item) in SCALARS else _weight_at_a_glance(item)
        return weight
    if getattr(value, "size", 0) == 1:  # an array of one number
        return 1
    return weight_of(value)


def encode_in_pieces(value: object) -> bytes:
    """What `orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)` answers, and raises."""
    return b"".join(_pieces(value))


def _pieces(value: Any) -> Iterator[bytes]:
    kind, weight = type(value), weight_of(value)
    if weight <= PIECE:
        yield _encode(value)
    elif kind is dict:
        yield from _of_dict(value, weight)
    elif kind is list or kind is tuple or (is_a(value, "numpy", "ndarray") and value.ndim):
        yield from _of_items(value, weight)
    else:
        yield _encode(value)


def _of_items(value: Any, weight: int) -> Iterator[bytes]:
    together = PIECE * len(value) // weight
    yield b"["
    for start in range(0, len(value), max(1, together)):
        if start:
            yield b","
        if together > 1:
            yield _encode(value[start : start + together])[1:-1]
        else:
            yield from _pieces(value[start])
    yield b"]"


def _of_dict(value: dict[Any, Any], weight: int) -> Iterator[bytes]:
    together = PIECE * len(value) // weight
    items = iter(value.items())
    comma = b"{"
    while some := dict(islice(items, max(1, together))):
        if together > 1:
            yield comma + _encode(some)[1:-1]
        else:
            key, item = some.popitem()
            yield comma + _encode({key: None})[1:-5]  # the key and its colon, or what orjson says against the key
            yield from _pieces(item)
        comma = b","
    yield b"}"


def _encode(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
