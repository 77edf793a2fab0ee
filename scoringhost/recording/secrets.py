"""What is never kept: headers and values of a query that may hold keys, tokens, cookies or passwords."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

# By what stands in a name, since every gateway has header names of its own, such as x-functions-key,
# ocp-apim-subscription-key or x-ms-client-principal. Rather one header too few than one key too many.
_SECRET = re.compile(
    r"auth|cookie|key|token|secret|passw|credential|signature|session|principal|certificate|client-cert", re.IGNORECASE
)
_SECRET_ARGUMENT = re.compile(rf"{_SECRET.pattern}|^code$|^sig$|^pwd$", re.IGNORECASE)

REMOVED = "removed"
"""What stands in a query in place of a secret."""


@lru_cache(maxsize=1000)  # the same few in every request; 2 us each otherwise
def is_secret(name: str) -> bool:
    """Whether a header of that name may hold a secret."""
    return _SECRET.search(name) is not None


def kept_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers that may be kept, names in lower case; several of one name are joined by a comma."""
    kept: dict[str, str] = {}
    for name, value in pairs:
        if not is_secret(name):
            name = name.lower()
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept


def kept_path(path: str, query: bytes) -> str:
    """A path, percent-encoded, with its query, of which the values of secrets are replaced."""
    where = quote(path, safe="/-._~!$&'()*+,;=:@")
    if not query:
        return where
    pairs = []
    for pair in query.decode("latin-1").split("&"):
        name, equals, _ = pair.partition("=")
        pairs.append(f"{name}={REMOVED}" if equals and _SECRET_ARGUMENT.search(name) else pair)
    return f"{where}?{'&'.join(pairs)}"
