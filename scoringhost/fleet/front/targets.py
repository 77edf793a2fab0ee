"""Targets: from the path of a request to the service that it is for, and the path that its replica is asked for.

Read as it came, percent-escapes and all: what stands between two slashes of the raw path is one word, and what the
replica gets is a part of the very bytes that the client sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from scoringhost.http.routes import Match

MOST_REMEMBERED = 4096
"""Paths whose targets are kept; when there are more, all are forgotten."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a path leads to.

    version: None if the path names none. rest: the path that the replica is asked for, as bytes. path: the whole
    path, decoded; match: what that leads to in the front's own application, which words errors. prefix: a line of the
    head that says what stood before the rest, or nothing.
    """

    name: str
    version: str | None
    rest: bytes
    path: str
    match: Match
    prefix: bytes = b""


class Targets:
    """Finds them, and remembers those that were asked for lately."""

    def __init__(self, match: Callable[[str], Match]) -> None:
        """`match`: what a decoded path leads to in the front's own application."""
        self._match = match
        self._known: dict[bytes, Target | None] = {}

    def of(self, path: bytes) -> Target | None:
        """The target of a raw path, without its query; None if the front itself answers there."""
        known = self._known
        try:
            return known[path]
        except KeyError:
            pass
        if len(known) >= MOST_REMEMBERED:
            known.clear()
        target = known[path] = self._find(path)
        return target

    def _find(self, path: bytes) -> Target | None:
        if path.startswith(b"/services/"):
            return self._of_service(path)
        if path.startswith(b"/v2/models/"):
            return self._of_model(path)
        return None

    def _of_service(self, path: bytes) -> Target | None:
        """/services/NAME/REST and /services/NAME/versions/VERSION/REST; REST may be empty, its slash may not."""
        words = path.split(b"/", 5)
        if len(words) < 4 or not words[2]:
            return None
        version = None
        prefix = b"/".join(words[:3])
        if words[3] == b"versions" and len(words) > 4:
            if len(words) < 6:
                return None
            version = _text(words[4])
            prefix = b"/".join(words[:5])
        rest = path[len(prefix) :]
        line = b"x-forwarded-prefix: %s\r\n" % prefix
        decoded = _text(path)
        return Target(_text(words[2]), version, rest, decoded, self._match(decoded), line)

    def _of_model(self, path: bytes) -> Target | None:
        """/v2/models/NAME and all that is below; the replica knows these paths itself."""
        words = path.split(b"/", 6)
        if not words[3]:
            return None
        version = _text(words[5]) if len(words) > 5 and words[4] == b"versions" else None
        decoded = _text(path)
        return Target(_text(words[3]), version, path, decoded, self._match(decoded))


def _text(raw: bytes) -> str:
    text = raw.decode("latin-1")
    return unquote(text) if "%" in text else text
