"""The tokens of those who have logged in. They are in memory alone: when the hub ends, all of them are dead."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from scoringhost.hub.access import Role

ACCESS_S = 3600
"""Seconds that an access token holds."""
REFRESH_S = 14 * 86400
"""Seconds that a refresh token holds."""
LOGIN_S = 90 * 86400
"""Seconds after a login when the password is asked for again, however often the tokens were refreshed."""
MOST_OF_ONE = 1000
"""Sessions of one user: the real client opens one with each object and closes none. The oldest one goes."""
MOST = 20_000


class TokenPair(NamedTuple):
    """What a client gets. expires_in: seconds; expires_on: seconds since 1970; both of the access token."""

    access_token: str
    refresh_token: str
    expires_in: int
    expires_on: int


@dataclass(frozen=True, slots=True)
class Session:
    """A login. stamp: what a users file has kept of the user, which is another one once his password has changed.

    role: of a user who is in no users file. Times are seconds of the clock by which tokens end.
    """

    name: str
    role: Role
    stamp: str
    login: float
    access: bytes
    refresh: bytes
    access_until: float
    refresh_until: float


class Sessions:
    """Finds a session by its tokens, of which only digests are kept."""

    def __init__(self, clock: Callable[[], float], wall_clock: Callable[[], float]) -> None:
        """clock: seconds that never jump. wall_clock: seconds since 1970."""
        self._clock, self._wall_clock = clock, wall_clock
        self._by_access: dict[bytes, Session] = {}
        self._by_refresh: OrderedDict[bytes, Session] = OrderedDict()
        self._of: dict[str, OrderedDict[bytes, None]] = {}

    def open(self, name: str, role: Role, stamp: str, login: float | None = None) -> TokenPair:
        """Make the tokens of somebody. login: when he gave his password, if that was not now."""
        now = self._clock()
        login = now if login is None else login
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        ends = login + LOGIN_S
        session = Session(
            name,
            role,
            stamp,
            login,
            _digest(access),
            _digest(refresh),
            min(now + ACCESS_S, ends),
            min(now + REFRESH_S, ends),
        )
        self._by_access[session.access] = self._by_refresh[session.refresh] = session
        own = self._of.setdefault(name, OrderedDict())
        own[session.refresh] = None
        if len(own) > MOST_OF_ONE:
            self.end(self._by_refresh[next(iter(own))])
        if len(self._by_refresh) > MOST:
            self.end(next(iter(self._by_refresh.values())))
        left_s = session.access_until - now
        return TokenPair(access, refresh, round(left_s), int(self._wall_clock() + left_s))

    def of_access(self, token: str) -> Session | None:
        """The session of an access token that holds."""
        found = self._by_access.get(_digest(token))
        if found is None or self._clock() >= found.access_until:
            return None
        return found

    def of_refresh(self, token: str) -> Session | None:
        """The session of a refresh token that holds."""
        found = self._by_refresh.get(_digest(token))
        if found is None:
            return None
        if self._clock() >= found.refresh_until:
            self.end(found)
            return None
        return found

    def end(self, session: Session) -> None:
        """Both tokens are dead from now on; twice is fine."""
        self._by_access.pop(session.access, None)
        self._by_refresh.pop(session.refresh, None)
        own = self._of.get(session.name)
        if own is not None:
            own.pop(session.refresh, None)
            if not own:
                del self._of[session.name]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
