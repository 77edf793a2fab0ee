"""Credentials: the guard that asks for a key or a token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from scoringhost.access.keys import Keys
from scoringhost.access.tokens import Tokens
from scoringhost.errors import Unauthorized
from scoringhost.http.messages import HttpRequest
from scoringhost.http.routes import Match


class Credentials:
    """Lets in who has a key, in `Authorization: Bearer` as Azure ML's clients send it or in `x-api-key`, or a token.

    Where both are in force, what has the two dots of a token is one (RFC 7515, 7.1), unless it is a key.
    """

    def __init__(self, keys: Keys | None, tokens: Tokens | None) -> None:
        self._keys, self._tokens = keys, tokens
        self.known: Callable[[str], str | None] = _nobody if keys is None else keys.remembered
        """See `KnowingGuard`: the name of a key, if one was sent in these very words before and is still good."""

    def check(self, head: HttpRequest, match: Match) -> Awaitable[None] | None:
        """See `Guard`.

        Raises:
            Unauthorized: if there is no key or token, or it is not a good one.
        """
        keys = self._keys
        sent = head.headers.get("authorization", "")
        if keys is not None:
            name = keys.remembered(sent)
            if name is not None:
                head.caller = name
                return None
        bearer = _bearer(sent)
        given = bearer or self._other(head)
        if keys is not None:
            name = keys.name_of(given, sent if bearer else "")
            if name is not None:
                head.caller = name
                return None
        if self._tokens is not None and (self._keys is None or given.count(".") == 2):
            caller = self._tokens.known(given)
            if caller is None:
                return self._check_token(self._tokens, head, given)
            head.caller = caller
            return None
        raise Unauthorized("The key is not a valid one", "invalid_token")

    async def _check_token(self, tokens: Tokens, head: HttpRequest, token: str) -> None:
        head.caller = await tokens.check(token)

    def _other(self, head: HttpRequest) -> str:
        """The key of a request that has none in `Authorization`."""
        if self._keys is not None:
            key = head.headers.get("x-api-key", "").strip()
            if key:
                return key
        what = "key" if self._tokens is None else "token" if self._keys is None else "key or a token"
        raise Unauthorized(f"This service asks for a {what}: send it as Authorization: Bearer ...")


def _nobody(sent: str) -> None:
    """Nobody is known by what is sent."""


def _bearer(authorization: str) -> str:
    """The key or token in the value of `Authorization`; empty if there is none."""
    scheme, _, value = authorization.strip().partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""
