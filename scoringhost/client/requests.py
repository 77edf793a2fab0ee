"""What a client sends: one request, the same for a service in this process, for a URL and for a load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scoringhost.schema import json_text


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
