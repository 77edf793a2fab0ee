"""Guards: who may come in. They see the head of a request before its body is read, on every door that can."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from scoringhost.http.messages import HttpRequest
from scoringhost.http.routes import Match


class Guard(Protocol):
    """Lets requests in, or refuses them."""

    def check(self, head: HttpRequest, match: Match) -> Awaitable[None] | None:
        """Let a request in: None at once, or something to await if that takes time; nobody else waits for it.

        `head` has no body yet. A guard that knows who is calling says so in `head.caller`, which is
        what the log shows: the name of a key, never the key.

        Raises:
            CallError: to refuse it, at once or when awaited. The dialect words the answer.
        """


@runtime_checkable
class KnowingGuard(Guard, Protocol):
    """A guard that may know whoever calls by `Authorization` alone, wherever they go, as they have called before.

    Where it is the only one, a door need not make a head of what arrives to have it let in.

    known: gives the name of who is calling, who may come in; None if `check` has to be asked.
    """

    known: Callable[[str], str | None]
