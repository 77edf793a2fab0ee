"""What a client sends: one request, the same for a service in this process, for a URL and for a load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.schema import json_text
from scoringhost.schema.json_values import is_a


@dataclass(frozen=True, slots=True)
class Request:
    """One request. path: with its query, percent-encoded. headers: as they are to be sent, in their order."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @classmethod
    def of(cls, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Request:
        """A request whose body may be anything: bytes and text as they are, all else as JSON (arrays and frames, too).

        Raises:
            ResultNotEncodable: if the body cannot be written as JSON.
        """
        if isinstance(body, str):
            content = body.encode()
        elif isinstance(body, bytes):
            content = body
        else:
            content = json_text.dumps(body)
        return cls(method, path, tuple(headers.items()), content)


def under_its_name(payload: Any, takers: Callable[[], Sequence[str]]) -> Any:
    """A frame or an array as the body that run() expects: under the name of the input that takes rows.

    Anything else is the body itself, as is a table for a run() that declares no such input, or several.

    takers: asked for the names of the inputs that take rows, if the payload is a table.
    """
    if not is_a(payload, "pandas", "DataFrame") and not is_a(payload, "numpy", "ndarray"):
        return payload
    names = takers()
    return {names[0]: payload} if len(names) == 1 else payload
