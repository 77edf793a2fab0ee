"""Who may come in: whoever shows an access token that his login, or a directory, has given him."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from scoringhost.errors import NotReady, Unauthorized
from scoringhost.http.messages import HttpRequest
from scoringhost.http.routes import Match
from scoringhost.hub.access import Caller
from scoringhost.hub.errors import LoginUnavailable, TokenRefused


class TokenPair(Protocol):
    """What somebody gets who has logged in; times in seconds, `expires_on` of the epoch."""

    @property
    def access_token(self) -> str: ...  # noqa: D102
    @property
    def refresh_token(self) -> str: ...  # noqa: D102
    @property
    def expires_in(self) -> int: ...  # noqa: D102
    @property
    def expires_on(self) -> int: ...  # noqa: D102


class Accounts(Protocol):
    """Who there is, and what he is; see `hub.accounts`."""

    async def login(self, name: str, password: str) -> TokenPair:
        """Tokens for who knows the password; raises `LoginRefused`."""

    async def refresh(self, refresh_token: str) -> TokenPair:
        """New tokens, and the end of those before; raises `LoginRefused`."""

    def revoke(self, refresh_token: str) -> None:
        """The end of both tokens."""

    def caller(self, authorization: str | None) -> Caller:
        """Who sends this header; raises `TokenRefused`, and `LoginUnavailable` if that takes time. Never waits."""

    async def wait_for_caller(self, authorization: str | None) -> Caller:
        """The same, waiting for an issuer of tokens where that is needed."""


class _Known(str):
    """The name of a caller, who has shown a token, for the log; and what he is."""

    __slots__ = ("caller",)

    caller: Caller


class MlsGuard:
    """Asks for a token before the body of a request is read."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def check(self, head: HttpRequest, match: Match) -> Awaitable[None] | None:
        """See `Guard`.

        Raises:
            Unauthorized: if there is no token that holds.
        """
        given = head.headers.get("authorization")
        try:
            head.caller = _known(self._accounts.caller(given))
        except LoginUnavailable:
            return self._wait(head, given)
        except TokenRefused as problem:
            raise _refusal(problem, given) from None
        return None

    async def _wait(self, head: HttpRequest, given: str | None) -> None:
        """Have the keys of the issuer of the token fetched, beside the event loop."""
        try:
            head.caller = _known(await self._accounts.wait_for_caller(given))
        except LoginUnavailable as problem:
            raise NotReady(str(problem), problem.retry_s) from None
        except TokenRefused as problem:
            raise _refusal(problem, given) from None


def _known(caller: Caller) -> _Known:
    known = _Known(caller.name)
    known.caller = caller
    return known


def _refusal(problem: TokenRefused, given: str | None) -> Unauthorized:
    return Unauthorized(str(problem), "invalid_token" if given else "")


def caller_of(request: HttpRequest) -> Caller:
    """Who has come in.

    Raises:
        Unauthorized: if nobody was asked.
    """
    if not isinstance(request.caller, _Known):
        raise Unauthorized("This server asks for a token: POST /login gives one")
    return request.caller.caller
