"""What lets the page of a hub in: links that open it once, and the tokens that it gets for them.

The token in `control.token` holds for as long as that file, so it has no place in an address: browsers keep those. A
link has a code, which is good for one token within minutes; the token is the page's alone, and ends with the hub.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from scoringhost.hub.access import Action, Caller
from scoringhost.hub.control.calls import Call

LINK_S = 300.0
"""Seconds within which a link has to be opened."""

SESSION_S = 12 * 3600.0
"""Seconds that a token of a page holds."""

MOST = 64
"""Links, and tokens, that hold at once; a further one takes the place of the oldest."""


class _Known:
    """Texts that hold for a time, each for its caller. Digests of them are kept, and compared."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds, self._clock = seconds, clock
        self._callers: dict[bytes, tuple[Caller, float]] = {}

    def add(self, caller: Caller) -> str:
        """A new text."""
        text = secrets.token_urlsafe(32)
        while len(self._callers) >= MOST:
            del self._callers[next(iter(self._callers))]
        self._callers[_digest(text)] = caller, self._clock() + self._seconds
        return text

    def of(self, text: str) -> Caller | None:
        """Whose it is; None if it does not hold."""
        caller, until_s = self._callers.get(_digest(text), (None, 0.0))
        return caller if self._clock() < until_s else None

    def take(self, text: str) -> Caller | None:
        """The same; it does not hold any more."""
        caller = self.of(text)
        self._callers.pop(_digest(text), None)
        return caller


class PageSessions:
    """The links and tokens of one hub."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._links, self._tokens = _Known(LINK_S, clock), _Known(SESSION_S, clock)

    def add_link(self, caller: Caller) -> str:
        """The code of a new link, which lets in whoever has it, once, as this caller."""
        return self._links.add(caller)

    def take_link(self, code: str) -> Caller | None:
        """Whom a code lets in; None if it does not hold, or has been used."""
        return self._links.take(code)

    def add_token(self, caller: Caller) -> str:
        """A new token, by which a page is this caller."""
        return self._tokens.add(caller)

    def caller_of(self, token: str) -> Caller | None:
        """Who shows a token; None if it does not hold."""
        return self._tokens.of(token)

    def end(self, token: str) -> None:
        """Have a token not hold any more, if it does."""
        self._tokens.take(token)


class SessionAnswers:
    """The operations on them."""

    def __init__(self, sessions: PageSessions) -> None:
        self._sessions = sessions

    async def add_link(self, call: Call) -> dict[str, Any]:
        """The code of a new link."""
        call.require(Action.LINKS)
        return {"code": self._sessions.add_link(call.caller), "seconds": LINK_S}

    async def add_session(self, call: Call) -> dict[str, Any]:
        """A new token; who shows the code of a link is who has made it."""
        call.require(Action.LINKS)
        return {"token": self._sessions.add_token(call.caller), "seconds": SESSION_S}

    async def end_session(self, call: Call) -> dict[str, Any]:
        """Whoever has a token may end it."""
        self._sessions.end(call.body["token"])
        return {}


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogateescape")).digest()
