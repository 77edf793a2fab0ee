"""Guards: who may come in. They see the head of a request before its body is read, on every door that can."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

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
