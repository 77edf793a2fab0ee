"""Who may come in to the control API: whoever can read the hub's own token, and who has a key or a token of issue."""

from __future__ import annotations

from collections.abc import Awaitable
from hmac import compare_digest

from scoringhost.access.credentials import Credentials
from scoringhost.access.made import guards_of
from scoringhost.access.tokens import TokenCaller
from scoringhost.errors import Unauthorized
from scoringhost.http.guards import Guard
from scoringhost.http.messages import HttpRequest
from scoringhost.http.routes import Match
from scoringhost.hub.access import Caller, Role, Roles
from scoringhost.hub.accounts.groups import ClaimRoles, GroupRoles, highest
from scoringhost.hub.models import user_name
from scoringhost.hub.record import TOKEN_FILE
from scoringhost.settings import Settings


class _LocalCaller(str):
    """The name of the hub's own user, as he who has shown its token."""

    __slots__ = ()


class ControlGuard:
    """Lets callers in. The hub's own token is asked for first; keys and tokens are those of the settings."""

    def __init__(self, settings: Settings, token: str) -> None:
        """Raises `StartupError` if a setting cannot be used."""
        self._token, self._user = token.encode(), _LocalCaller(user_name())
        self._roles = Roles(settings.hub_roles)
        claims = (settings.hub_role_claim,) if settings.hub_role_claim else ()
        self._claim_roles = ClaimRoles(GroupRoles(settings.hub_groups), claims)
        self._others: list[Guard] = list(guards_of(settings))
        self.asks = any(isinstance(one, Credentials) for one in self._others)

    def check(self, head: HttpRequest, match: Match) -> Awaitable[None] | None:
        """See `Guard`.

        Raises:
            Unauthorized: if the caller shows nothing that is known.
        """
        scheme, _, given = head.headers.get("authorization", "").strip().partition(" ")
        if scheme.lower() == "bearer" and compare_digest(given.strip().encode("utf-8", "replace"), self._token):
            head.caller = self._user
            return None
        if not self.asks:
            raise Unauthorized(
                f"This hub asks for the token in its {TOKEN_FILE}: send it as Authorization: Bearer ...",
                "invalid_token" if given else "",
            )
        return self._ask_others(head, match)

    async def _ask_others(self, head: HttpRequest, match: Match) -> None:
        for one in self._others:
            waiting = one.check(head, match)
            if waiting is not None:
                await waiting

    def caller_of(self, request: HttpRequest) -> Caller:
        """Who has come in, and what he is."""
        if isinstance(request.caller, _LocalCaller):
            return Caller(str(request.caller), Role.OWNER)
        caller = self._roles.of(request.caller)
        if isinstance(request.caller, TokenCaller):
            return Caller(caller.name, highest(caller.role, self._claim_roles.of(request.caller.claims)))
        return caller
