"""What pydantic says of a value that does not fit, as a Misfit: in the words of this host, with a path into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scoringhost.schema.declared import Misfit, phrase

_WORDS = {
    "a valid integer": "an integer",
    "a valid number": "a number",
    "a valid boolean": "true or false",
    "a valid string": "text",
    "a valid list": "a list",
    "a valid array": "a list",
    "a valid dictionary": "an object",
    "an object": "an object",
}
"""pydantic's words for JSON's own types, as other messages of this host have them."""


def misfit_of(error: Any, value: object) -> Misfit:
    """The first of pydantic's errors, its place as a path inside the value."""
    found = error.errors(include_url=False)
    places = [_Place.of(one, value) for one in found]
    chosen = 0
    if places[0].is_of_union:  # of its alternatives the one is meant that was followed furthest
        chosen = max(range(len(found)), key=lambda at: places[at].depth)
    place = places[chosen]
    own = found[chosen].get("ctx", {}).get("error")
    if isinstance(own, Misfit):
        return Misfit(own.expected, own.got, place.path + own.path)
    same = [one for one, there in zip(found, places, strict=True) if there.path == place.path]
    expected = " or ".join(dict.fromkeys(map(_expected, same)))
    got = "nothing" if found[chosen]["type"] == "missing" else phrase(place.part)
    more = len({there.path for there in places if not there.is_of_union} - {place.path})
    if more:
        got = f"{got} (and {more} more that {'does' if more == 1 else 'do'} not fit)"
    return Misfit(expected, got, place.path)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a value an error is: the path, how many steps it has, and what is there."""

    path: str
    depth: int
    part: object
    is_of_union: bool
    """pydantic puts the names of a union's alternatives among the steps; they lead nowhere in the value."""

    @classmethod
    def of(cls, error: Any, value: Any) -> _Place:
        path, part, steps = "", value, list(error["loc"])
        missing = steps.pop() if error["type"] == "missing" and steps else None
        depth = 0
        for step in steps:
            if isinstance(part, dict) and step in part:
                path, part, depth = f"{path}.{step}", part[step], depth + 1
            elif isinstance(part, (list, tuple)) and isinstance(step, int) and 0 <= step < len(part):
                path, part, depth = f"{path}[{step}]", part[step], depth + 1
        is_of_union = depth < len(steps)
        if missing is not None:
            path, depth = path + (f"[{missing}]" if isinstance(missing, int) else f".{missing}"), depth + 1
        return cls(path, depth, part, is_of_union)


def _expected(error: Any) -> str:
    kind, message = error["type"], str(error["msg"])
    if kind == "missing":
        return "a value"
    if kind == "extra_forbidden":
        return "no such member"
    if kind in ("value_error", "assertion_error"):
        return f"a value that is accepted ({message.partition(', ')[2]})"
    text = message.removeprefix("Input should be ")
    if text == message:
        return message[:1].lower() + message[1:]
    text = text.partition(", ")[0] if text.partition(", ")[0] in _WORDS else text
    return _WORDS.get(text, text)
