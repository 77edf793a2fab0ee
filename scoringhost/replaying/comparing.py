"""Comparing two answers to the same request: status, media type, and the values of the body."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

JSON_LINES = "application/x-ndjson"

LONGEST = 80
"""Characters of a value that a difference shows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. is_whole: whether the body is there to its end, so that it can be compared."""

    status: int
    media_type: str
    body: bytes
    is_whole: bool
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is no difference: floats that are near, as `math.isclose` has it, and keys of objects that are ignored."""

    relative: float = 1e-6
    absolute: float = 1e-9
    ignored: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two answers differ, such as `status` or `body.scores[3]`, and what each of them has there."""

    at: str
    before: str
    after: str


def differences(before: Answer, after: Answer, tolerance: Tolerance) -> Iterator[Difference]:
    """How two answers differ.

    The bodies of two errors of one status are not compared: they name requests and causes.
    """
    if before.status != after.status:
        yield Difference("status", str(before.status), str(after.status))
        return
    if before.status >= 400:
        return
    kind, other_kind = _media_type(before), _media_type(after)
    if kind != other_kind:
        yield Difference("content type", kind or "none", other_kind or "none")
    elif before.is_whole and not after.is_whole:
        yield Difference("body", "whole", "broken off")
    elif before.is_whole:
        yield from _bodies(before.body, after.body, kind, tolerance)


def _media_type(answer: Answer) -> str:
    return answer.media_type.partition(";")[0].strip().lower()


def _bodies(before: bytes, after: bytes, kind: str, tolerance: Tolerance) -> Iterator[Difference]:
    if before == after:
        return
    try:
        first, second = _value(before, kind), _value(after, kind)
    except ValueError:
        yield Difference("body", _shown(before), _shown(after))
        return
    yield from _values(first, second, "body", tolerance)


def _value(body: bytes, kind: str) -> Any:
    """The value that a body stands for; raises ValueError if it says that it is JSON, and is not."""
    if kind == JSON_LINES:
        return [json.loads(line) for line in body.splitlines()]
    if kind == "application/json" or kind.endswith("+json"):
        return json.loads(body)
    if kind.startswith("text/"):
        return body.decode("utf-8", "replace")
    return body


def _values(before: Any, after: Any, at: str, tolerance: Tolerance) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _objects(before, after, at, tolerance)
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield Difference(at, f"{len(before)} items", f"{len(after)} items")
            return
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _values(one, other, f"{at}[{number}]", tolerance)
    elif not _is_same(before, after, tolerance):
        yield Difference(at, _shown(before), _shown(after))


def _objects(before: dict[str, Any], after: dict[str, Any], at: str, tolerance: Tolerance) -> Iterator[Difference]:
    for key in (*before, *(key for key in after if key not in before)):
        if key in tolerance.ignored:
            continue
        if key not in after:
            yield Difference(f"{at}.{key}", _shown(before[key]), "nothing")
        elif key not in before:
            yield Difference(f"{at}.{key}", "nothing", _shown(after[key]))
        else:
            yield from _values(before[key], after[key], f"{at}.{key}", tolerance)


def _is_same(before: Any, after: Any, tolerance: Tolerance) -> bool:
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after  # True == 1 in Python, and not in JSON
    if isinstance(before, float) or isinstance(after, float):
        if not isinstance(before, (int, float)) or not isinstance(after, (int, float)):
            return False
        if math.isnan(before) or math.isnan(after):
            return math.isnan(before) and math.isnan(after)
        return math.isclose(before, after, rel_tol=tolerance.relative, abs_tol=tolerance.absolute)
    return type(before) is type(after) and bool(before == after)


def _shown(value: Any) -> str:
    text = f"{len(value)} bytes" if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
