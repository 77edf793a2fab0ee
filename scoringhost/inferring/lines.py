"""The lines that are to be inferred: each a request of the Open Inference Protocol as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from scoringhost.errors import UndecodableBody
from scoringhost.schema import json_text


@dataclass(frozen=True, slots=True)
class Item:
    """One request. index: of its line, from 0, blank lines not counted."""

    index: int
    request: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A line that is no request, and why."""

    index: int
    why: str


def read(lines: Iterable[bytes]) -> Iterator[Item | Unusable]:
    """What the lines hold; blank ones are left out."""
    index = 0
    for line in lines:
        if line.strip():
            yield _item(index, line)
            index += 1


def _item(index: int, line: bytes) -> Item | Unusable:
    try:
        request = json_text.loads(line)
    except UndecodableBody as problem:
        why = str(problem).partition(": ")[2]  # without the words about the body of a POST
        return Unusable(index, f"the line is not JSON: {why or problem}")
    if not isinstance(request, dict):
        return Unusable(index, f"a request is a JSON object, not {type(request).__name__}")
    if not isinstance(request.get("inputs"), list):
        return Unusable(index, "a request has a list of tensors under 'inputs'")
    if not isinstance(request.get("id"), (str, type(None))):
        return Unusable(index, f"the id of a request is text, not {type(request['id']).__name__}")
    return Item(index, request)
