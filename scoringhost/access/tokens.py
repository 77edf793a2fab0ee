"""Tokens: JSON web tokens (RFC 7519, RFC 9068) that an issuer has signed, checked without asking it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scoringhost.access.key_set import KeySet
from scoringhost.errors import Forbidden, MissingExtra, Unauthorized
from scoringhost.kernel.helper_thread import HelperThread

ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""The signatures that are taken: with a public key only, so that nobody who can check a token can make one."""

REMEMBERED = 1000
"""Tokens that are not checked again while they hold: a signature costs 30 to 100 µs, and clients use a token often."""


LONGEST_NAME = 100
"""Characters of a caller's name that are logged."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say.

    issuers, audiences: one of each. scopes: it has all of them. roles: it has one of them. Where both are asked
    for, either will do: people have scopes, and programs have roles. leeway_s: seconds that clocks may differ.
    """

    issuers: Sequence[str]
    audiences: Sequence[str]
    scopes: Sequence[str] = ()
    roles: Sequence[str] = ()
    leeway_s: float = 30.0


def _wall_clock() -> float:
    return datetime.now(UTC).timestamp()


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that has been checked: who it is of, and from when to when it holds, as seconds since 1970."""

    caller: TokenCaller
    not_before: float
    expires: float


class TokenCaller(str):
    """The name of who has sent a token, and all that the token says."""

    claims: Mapping[str, Any]

    def __new__(cls, name: str, claims: Mapping[str, Any] | None = None) -> TokenCaller:
        """A text like any other where only the name is wanted."""
        made = super().__new__(cls, name)
        made.claims = claims or {}
        return made


class Tokens:
    """Checks tokens, and remembers those that hold."""

    def __init__(self, rules: TokenRules, keys: KeySet, clock: Callable[[], float] = _wall_clock) -> None:
        """Does not read the keys yet. clock: seconds since 1970, for tokens that are remembered.

        Raises:
            MissingExtra: if PyJWT or cryptography is not installed.
        """
        try:
            import cryptography  # noqa: F401
            import jwt  # noqa: F401
        except ImportError:
            raise MissingExtra("PyJWT", "auth") from None
        self._rules, self._keys, self._clock = rules, keys, clock
        self._remembered: OrderedDict[bytes, _Known] = OrderedDict()
        self._generation = keys.generation
        self._helper = HelperThread()
        self._fetching: asyncio.Future[None] | None = None

    def known(self, token: str) -> TokenCaller | None:
        """Who is calling, if this token has been checked before and still holds."""
        self._forget_if_keys_changed()
        found = self._remembered.get(hashlib.sha256(token.encode("latin-1", "replace")).digest())
        if found is None or self._keys.is_due:
            return None
        leeway = self._rules.leeway_s
        if found.not_before - leeway <= self._clock() < found.expires + leeway:
            return found.caller
        return None

    def checked(self, token: str) -> TokenCaller | None:
        """Who is calling, as `check` answers it, but without waiting; None if keys would have to be fetched first.

        Raises:
            Unauthorized, Forbidden: as `check` does.
        """
        known = self.known(token)
        if known is not None:
            return known
        key_id = self._signed_with(token)
        key = None if self._keys.is_due else self._keys.find(key_id)
        return None if key is None else self._checked_with(token, key)

    async def check(self, token: str) -> TokenCaller:
        """Returns who is calling.

        Raises:
            Unauthorized: if the token is no token, is not signed by a key of the issuer, is not for us, or does not
                hold now.
            Forbidden: if it holds, but lacks the scope or role that is asked for.
            NotReady: if the keys of the issuer cannot be had.
        """
        return self._checked_with(token, await self._key(self._signed_with(token)))

    def _signed_with(self, token: str) -> str | None:
        """The id of the key that a token says it is signed with."""
        from jwt import PyJWTError

        try:
            header = _header(token)
        except PyJWTError as problem:
            raise Unauthorized(f"The token is not valid: {problem}", "invalid_token") from None
        if header.get("alg") not in ALGORITHMS:
            raise Unauthorized(f"The token must be signed with {', '.join(ALGORITHMS)}", "invalid_token")
        key_id = header.get("kid")
        return key_id if isinstance(key_id, str) else None

    def _checked_with(self, token: str, key: Any) -> TokenCaller:
        from jwt import PyJWTError

        try:
            claims = self._decoded(token, key)
        except PyJWTError as problem:
            raise Unauthorized(f"The token is not valid: {problem}", "invalid_token") from None
        caller = TokenCaller(_caller(claims), claims)
        self._remember(token, caller, claims)
        return caller

    async def _key(self, name: str | None) -> Any:
        """The key that has signed a token; one that is not known is looked for at the issuer, if that may be."""
        keys = self._keys
        found = keys.find(name)
        if found is None or keys.is_due:
            await self._fetch(is_needed=found is None)
            found = keys.find(name)
        if found is None:
            keys.require_some()
            raise Unauthorized("The token is signed with a key that the issuer does not have", "invalid_token")
        return found

    async def _fetch(self, *, is_needed: bool) -> None:
        """Have the keys fetched, if that may be; whoever needs them meanwhile waits for the same fetch.

        Without that all but one of the first callers of a service would be refused, with tokens that are good.
        """
        fetching, loop = self._fetching, asyncio.get_running_loop()
        if fetching is None or fetching.done() or fetching.get_loop() is not loop:
            if not self._keys.may_fetch:
                return
            fetching = self._fetching = loop.create_task(self._helper.do(self._keys.fetch))
            fetching.add_done_callback(_look_at)
        elif not is_needed:
            return
        await asyncio.shield(fetching)  # others wait for it, too, if this caller goes

    def _decoded(self, token: str, key: Any) -> Mapping[str, Any]:
        import jwt

        rules = self._rules
        # PyJWT compares the header's algorithm with the key's: a key of one kind cannot be used as one of another.
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=list(rules.audiences),
            issuer=list(rules.issuers),
            leeway=rules.leeway_s,
            options={"require": ["exp", "iss", "aud"]},
        )
        self._require_permission(claims)
        return claims

    def _require_permission(self, claims: Mapping[str, Any]) -> None:
        rules = self._rules
        if not rules.scopes and not rules.roles:
            return
        scopes = _words(claims.get("scope")) | _words(claims.get("scp"))
        if rules.scopes and scopes.issuperset(rules.scopes):
            return
        if _words(claims.get("roles")).intersection(rules.roles):
            return
        wanted = []
        if rules.scopes:
            wanted.append(f"the scope {' '.join(rules.scopes)}")
        if rules.roles:
            wanted.append(f"one of the roles {', '.join(rules.roles)}")
        raise Forbidden(f"The token lacks {' or '.join(wanted)}", " ".join(rules.scopes))

    def _forget_if_keys_changed(self) -> None:
        if self._keys.generation != self._generation:
            self._remembered.clear()
            self._generation = self._keys.generation

    def _remember(self, token: str, caller: TokenCaller, claims: Mapping[str, Any]) -> None:
        self._forget_if_keys_changed()
        known = _Known(caller, float(claims.get("nbf", 0)), float(claims["exp"]))
        self._remembered[hashlib.sha256(token.encode("latin-1", "replace")).digest()] = known
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)


def _look_at(fetching: asyncio.Future[None]) -> None:
    """Or asyncio complains of an exception, where everybody who waited has gone."""
    if not fetching.cancelled():
        fetching.exception()


def _header(token: str) -> Mapping[str, Any]:
    import jwt

    header: Mapping[str, Any] = jwt.get_unverified_header(token)
    return header


def _words(claim: object) -> set[str]:
    """Scopes and roles come as one text with blanks (RFC 8693, 4.2) or as a list (Microsoft's roles)."""
    if isinstance(claim, str):
        return set(claim.split())
    if isinstance(claim, list):
        return {str(word) for word in claim}
    return set()


def _caller(claims: Mapping[str, Any]) -> str:
    """Who is calling, for the log: the subject, or else the program that asked. Short, and on one line."""
    for name in ("sub", "client_id", "azp", "appid"):
        value = claims.get(name)
        if isinstance(value, str) and value:
            return "".join(letter for letter in value if letter.isprintable())[:LONGEST_NAME]
    return "token"
