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
from scoringhost.hub.control.sessions import PageSessions
from scoringhost.hub.models import user_name
from scoringhost.hub.record import TOKEN_FILE
from scoringhost.settings import Settings

LINKS, SESSIONS = "/links", "/sessions"
"""Where links are made, and where the code of one is shown, which is good for nothing else."""


class _KnownCaller(str):
    """The name of a caller whose role is known, as that of who has shown the hub's own token."""

    role: Role

    def __new__(cls, name: str, role: Role) -> _KnownCaller:
        """A text like any other where only the name is wanted."""
        made = super().__new__(cls, name)
        made.role = role
        return made


class ControlGuard:
    """Lets callers in. The hub's own token is asked for first; keys and tokens are those of the settings.

    sessions: of the page.
    """

    def __init__(self, settings: Settings, token: str) -> None:
        """Raises `StartupError` if a setting cannot be used."""
        self._token, self._user = token.encode(), _KnownCaller(user_name(), Role.OWNER)
        self.sessions = PageSessions()
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
        known = self._known(given.strip(), head.path) if scheme.lower() == "bearer" else None
        if known is not None:
            head.caller = known
            return None
        if not self.asks:
            raise Unauthorized(
                f"This hub asks for the token in its {TOKEN_FILE}: send it as Authorization: Bearer ...",
                "invalid_token" if given else "",
            )
        return self._ask_others(head, match)

    def _known(self, given: str, path: str) -> _KnownCaller | None:
        """Who shows something that this hub has made itself."""
        if compare_digest(given.encode("utf-8", "replace"), self._token):
            return self._user
        if path == SESSIONS:
            caller = self.sessions.take_link(given)
        elif path == LINKS:  # a page that could make links would be let in again and again, and never end
            caller = None
        else:
            caller = self.sessions.caller_of(given)
        return None if caller is None else _KnownCaller(caller.name, caller.role)

    async def _ask_others(self, head: HttpRequest, match: Match) -> None:
        for one in self._others:
            waiting = one.check(head, match)
            if waiting is not None:
                await waiting

    def caller_of(self, request: HttpRequest) -> Caller:
        """Who has come in, and what he is."""
        if isinstance(request.caller, _KnownCaller):
            return Caller(str(request.caller), request.caller.role)
        caller = self._roles.of(request.caller)
        if isinstance(request.caller, TokenCaller):
            return Caller(caller.name, highest(caller.role, self._claim_roles.of(request.caller.claims)))
        return caller
