"""Large arrays of numbers, from JSON text to a buffer without Python lists in between.

simdjson reads 1,000 x 100 floats four times as fast as a JSON parser and NumPy together. It says
nothing of where lists end, so the shape is found from the rows, and the number of brackets in the
text proves that there are no others. Whatever is not plainly an array of one shape and of numbers
that 64 bits hold is left to the ordinary way, which also finds the words for what is wrong.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol, TypeVar, runtime_checkable

T = TypeVar("T")

LEAST_BODY = 16_384
"""Bytes below which the ordinary way is as fast."""


@runtime_checkable
class ReadsBuffer(Protocol):
    """A declared type that can take a flat buffer of numbers."""

    @property
    def buffer_kind(self) -> str | None:
        """`d` for float64 or `i` for int64 buffers; None if it cannot take one."""

    def from_buffer(self, buffer: Any, shape: tuple[int, ...]) -> object | None:
        """The array of that shape in the declared dtype; None if it does not fit, for whatever reason."""


_of_thread = threading.local()


@cache
def _simdjson() -> Any:
    try:
        import simdjson
    except ImportError:
        return None
    return simdjson


def read(body: bytes, types: Mapping[str, ReadsBuffer]) -> dict[str, object] | None:
    """The parameters of a JSON object, each an array of its type; None if the ordinary way has to be taken.

    Every member of the object must be in `types`, and be an array.
    """
    simdjson = _simdjson()
    if simdjson is None:
        return None
    return _read(simdjson, body, types)


def parsed(body: bytes, use: Callable[[Any, bytes], T | None]) -> T | None:
    """What `use` makes of the object in a body; None if it is none, or simdjson is not there, or cannot read it.

    The document belongs to the parser of this thread, and is gone when this returns.
    """
    simdjson = _simdjson()
    if simdjson is None:
        return None
    try:
        document = _parser(simdjson).parse(body)
        return use(document, body) if isinstance(document, simdjson.Object) else None
    except (ValueError, RuntimeError, TypeError, AttributeError):  # no JSON, or not as `use` expects
        return None


def buffer_of(node: Any, kind: str) -> tuple[Any, tuple[int, ...]] | None:
    """The numbers of a node as a flat buffer of `d`, `i` or `u`, and their shape; None if it is no array of such."""
    simdjson = _simdjson()
    shape = _shape(node, simdjson.Array) if isinstance(node, simdjson.Array) else None
    if shape is None:
        return None
    try:
        return node.as_buffer(of_type=kind), shape
    except (TypeError, ValueError):  # an item is no number, or no whole one, or too large
        return None


def brackets_in(body: bytes) -> int:
    """How many lists a text begins, and how often a text in it has such a bracket."""
    return _count(body, b"[")


def _read(simdjson: Any, body: bytes, types: Mapping[str, ReadsBuffer]) -> dict[str, object] | None:
    # Only what the parser refuses is caught, and only around the parser: a fault of our own is to be seen, not slow.
    try:
        document = _parser(simdjson).parse(body)
    except (ValueError, RuntimeError):  # no JSON or no UTF-8; nested too deeply, or a number beyond 64 bits
        return None
    if not isinstance(document, simdjson.Object):
        return None
    names = list(document.keys())
    if len(set(names)) != len(names) or not set(names) <= types.keys() or body.find(b"{", body.find(b"{") + 1) >= 0:
        return None
    found: dict[str, object] = {}
    brackets = 0
    for name in names:
        node = document[name]
        shape = _shape(node, simdjson.Array) if isinstance(node, simdjson.Array) else None
        if shape is None:
            return None
        try:
            buffer = node.as_buffer(of_type=types[name].buffer_kind)
        except (
            TypeError,
            ValueError,
        ):  # an item is no number; or no whole one, or too large, where those are asked for
            return None
        value = types[name].from_buffer(buffer, shape)
        if value is None:
            return None
        found[name] = value
        brackets += lists_in(shape)
    return found if brackets == _count(body, b"[") else None


def _count(body: bytes, character: bytes) -> int:
    """`body.count(character)` in a fifth of the time. What takes a buffer is an array, so numpy is there."""
    numpy = sys.modules["numpy"]
    return int(numpy.count_nonzero(numpy.frombuffer(body, numpy.uint8) == character[0]))


def _parser(simdjson: Any) -> Any:
    """The parser of this thread: a new one would ask for fresh memory of several times the body's size."""
    parser = getattr(_of_thread, "parser", None)
    if parser is None:
        parser = _of_thread.parser = simdjson.Parser()
    return parser


def _shape(node: Any, array: Any) -> tuple[int, ...] | None:
    """The shape of nested arrays as far as the first of each level tells, with equal lengths on the second.

    None for an empty array, and if the lengths differ.
    """
    length = len(node)
    if not length:
        return None
    first: Any = node[0]
    if not isinstance(first, array):
        return (length,)
    shapes: set[tuple[int, ...] | None] = set()
    is_deep = len(first) > 0 and isinstance(first[0], array)
    for child in node:
        if not isinstance(child, array):
            return None
        shapes.add(_shape(child, array) if is_deep else (len(child),))
    shape = shapes.pop()
    if shape is None or shapes or 0 in shape:
        return None
    return (length, *shape)


def lists_in(shape: tuple[int, ...]) -> int:
    """How many lists, the outermost included, write an array of that shape."""
    total, product = 0, 1
    for length in shape:
        total += product
        product *= length
    return total
