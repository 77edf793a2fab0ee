"""Tokens that somebody else has issued, such as Microsoft Entra: whose they are, and what he is here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoringhost.access.tokens import TokenCaller, Tokens
from scoringhost.errors import Forbidden, NotReady, Unauthorized
from scoringhost.hub.access import Caller, Roles
from scoringhost.hub.accounts.groups import ClaimRoles, highest
from scoringhost.hub.errors import LoginUnavailable, TokenRefused

NAMES = ("unique_name", "upn", "preferred_username")
"""Claims with the name of a user, the first of them that is there. Without one it is the subject, or the program."""


class IssuedTokens:
    """Checks tokens by the keys of their issuer."""

    def __init__(self, tokens: Tokens, claimed: ClaimRoles, listed: Roles) -> None:
        """claimed: the roles of a token's claims. listed: those of callers by their subjects."""
        self._tokens, self._claimed, self._listed = tokens, claimed, listed

    def caller(self, token: str) -> Caller:
        """Whose token it is, without any I/O: with the keys of the issuer that are here.

        Raises:
            TokenRefused: if it is not a good one.
            LoginUnavailable: if its key would have to be fetched first, which `wait_for_caller` does.
        """
        try:
            found = self._tokens.checked(token)
        except (Unauthorized, Forbidden) as problem:
            raise TokenRefused(str(problem)) from None
        if found is None:
            raise LoginUnavailable("the keys to check tokens with are fetched just now", 1)
        return self._seen(found)

    async def wait_for_caller(self, token: str) -> Caller:
        """As `caller`; fetches the issuer's keys where that is needed.

        Raises:
            TokenRefused: if it is not a good one.
            LoginUnavailable: if the keys of the issuer cannot be had.
        """
        known = self._tokens.known(token)
        if known is not None:
            return self._seen(known)
        try:
            return self._seen(await self._tokens.check(token))
        except (Unauthorized, Forbidden) as problem:
            raise TokenRefused(str(problem)) from None
        except NotReady as problem:
            raise LoginUnavailable(str(problem), 5) from None

    def _seen(self, caller: TokenCaller) -> Caller:
        # Listed by the subject, which nobody can choose himself; a preferred_username may be whatever its user likes.
        listed = self._listed.of(str(caller)).role
        return Caller(name_of(caller.claims) or str(caller), highest(listed, self._claimed.of(caller.claims)))


def name_of(claims: Mapping[str, Any]) -> str:
    """The name of a user, as his token says it; empty if it does not. On one line, and not too long for a log."""
    for claim in NAMES:
        value = claims.get(claim)
        if isinstance(value, str) and value:
            return "".join(letter for letter in value if letter.isprintable())[:100]
    return ""
