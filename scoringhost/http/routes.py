"""Routes: from method and path to what answers them, and to the dialect that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from scoringhost.errors import MethodNotAllowed, UnknownRoute
from scoringhost.http.messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from scoringhost.http.dialect import Dialect

HEALTH_PATHS = ("/", "/livez", "/readyz", "/startupz")
"""Where health is asked for: answered at once, whatever else goes on."""

Answer = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]
"""Answers at once if it can, and else with something to await."""

_PARAMETER = re.compile(r"\{([a-z_]+)(:path)?\}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one path answers.

    methods: from a method to its answer. logged: worth an access line. is_open: no guard is asked, as
    for health probes, which have no key. scores: what is sent there is for run().
    """

    methods: Mapping[str, Answer]
    logged: bool = True
    is_open: bool = False
    scores: bool = False

    @property
    def allowed(self) -> tuple[str, ...]:
        """The methods for an Allow header."""
        return tuple(sorted(self.methods))


@dataclass(frozen=True, slots=True)
class Match:
    """What a path leads to.

    dialect: whose words are used. endpoint: None if nothing is served there. pattern: the path as it
    was declared, of which there are few; empty if nothing is served. parameters: the path's values.
    """

    dialect: Dialect
    endpoint: Endpoint | None = None
    pattern: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    methods: Mapping[str, Answer] = field(default_factory=dict)
    """Those of the endpoint; empty if nothing is served."""
    is_logged: bool = field(init=False)
    """Whether it is worth an access line, and is counted and traced: health probes would drown the others."""

    def __post_init__(self) -> None:
        """Look it up once, and not with each request."""
        object.__setattr__(self, "is_logged", self.endpoint is None or self.endpoint.logged)

    def answer(self, path: str, method: str) -> Answer:
        """What answers a method there.

        Raises:
            UnknownRoute: if nothing is served at the path.
            MethodNotAllowed: if nothing answers the method.
        """
        if self.endpoint is None:
            raise UnknownRoute(path)
        answer = self.endpoint.methods.get(method)
        if answer is None:
            raise MethodNotAllowed(method, self.endpoint.allowed)
        return answer


class Routes:
    """The endpoints of some dialects. Paths are case-sensitive and a trailing slash counts, as in azmlinfsrv.

    A path may have parameters: `/models/{name}/infer` for one segment, `/files/{rest:path}` for one or
    more. A path without any is found first; of several patterns that match, the one that was declared first.
    """

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        """Gather the endpoints.

        Raises:
            ValueError: if two dialects serve the same path, or none takes the paths that nobody serves.
        """
        self.exact: dict[str, Match] = {}
        """The paths without parameters, for who is in a hurry."""
        self._patterns: list[tuple[re.Pattern[str], Match]] = []
        for dialect in dialects:
            for pattern, endpoint in dialect.endpoints().items():
                self._add(Match(dialect, endpoint, pattern, {}, endpoint.methods))
        if all(dialect.prefix for dialect in dialects):
            raise ValueError("one dialect must take the paths that nobody serves: its prefix is empty")
        # Longest first: the nearest dialect words the 404.
        self._nobodys = [Match(dialect) for dialect in sorted(dialects, key=lambda one: -len(one.prefix))]

    def _add(self, match: Match) -> None:
        if any(match.pattern == known.pattern for known in (*self.exact.values(), *(one for _, one in self._patterns))):
            raise ValueError(f"two dialects serve {match.pattern}")
        if "{" in match.pattern:
            self._patterns.append((_compiled(match.pattern), match))
        else:
            self.exact[match.pattern] = match

    def match(self, path: str) -> Match:
        """What a decoded path leads to; never fails."""
        found = self.exact.get(path)
        if found is not None:
            return found
        for pattern, match in self._patterns:
            if (values := pattern.fullmatch(path)) is not None:
                return replace(match, parameters=values.groupdict())
        return next(one for one in self._nobodys if _is_below(path, one.dialect.prefix))


def _compiled(pattern: str) -> re.Pattern[str]:
    text, at = "", 0
    for parameter in _PARAMETER.finditer(pattern):
        text += re.escape(pattern[at : parameter.start()])
        text += f"(?P<{parameter[1]}>{'.+' if parameter[2] else '[^/]+'})"
        at = parameter.end()
    return re.compile(text + re.escape(pattern[at:]), re.DOTALL)


def _is_below(path: str, prefix: str) -> bool:
    return not prefix or path == prefix or path.startswith(f"{prefix}/")
