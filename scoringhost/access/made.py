"""The guards that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from scoringhost.access.credentials import Credentials
from scoringhost.access.forwarded import Forwarded, Proxies
from scoringhost.access.key_set import KeySet
from scoringhost.access.keys import Keys
from scoringhost.access.rate_limit import Rate, RateLimit, Table
from scoringhost.access.tokens import TokenRules, Tokens
from scoringhost.errors import NotReady, SettingsError
from scoringhost.http.guards import Guard
from scoringhost.settings import HttpSettings

T = TypeVar("T")


def guards_of(settings: HttpSettings, table: Table | None = None) -> list[Guard]:
    """Who is asked before a request's body is read; nobody unless a setting wants it.

    table: where callers are counted for the rate limit, if processes share it that are not forked from this one.

    Raises:
        StartupError: if a setting cannot be used, or a key file cannot be read.
    """
    guards: list[Guard] = []
    if settings.trusted_proxies:
        guards.append(Forwarded(_usable("trusted_proxies", settings.trusted_proxies, Proxies)))
    keys, tokens = _keys_of(settings), tokens_of(settings)
    if keys is not None or tokens is not None:
        guards.append(Credentials(keys, tokens))
    if settings.rate_limit:
        guards.append(RateLimit(_usable("rate_limit", settings.rate_limit, Rate.parse), table or Table()))
    return guards


def _keys_of(settings: HttpSettings) -> Keys | None:
    given = {"primary": settings.primary_key, "secondary": settings.secondary_key}
    named = {name: key for name, key in given.items() if key}
    path = Path(settings.keys_file) if settings.keys_file else None
    return Keys(named, path) if named or path else None


def tokens_of(settings: HttpSettings) -> Tokens | None:
    """What checks the tokens of an issuer; None if the settings name none.

    Raises:
        StartupError: if a setting cannot be used, or a file of keys cannot be read.
    """
    if not settings.token_keys:
        return None
    for name in ("token_issuer", "token_audience"):
        # Without them, a token that the same issuer made for anybody else would open this service as well.
        if not getattr(settings, name):
            raise SettingsError(name, None, "must be given with token_keys")
    rules = TokenRules(
        _listed(settings.token_issuer),
        _listed(settings.token_audience),
        _listed(settings.token_scopes),
        _listed(settings.token_roles),
        settings.token_leeway_s,
    )
    keys = KeySet(settings.token_keys)
    if not keys.is_remote:
        try:
            keys.fetch()
        except NotReady:
            raise SettingsError("token_keys", settings.token_keys, "no set of keys can be read there") from None
    return Tokens(rules, keys)


def _listed(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _usable(name: str, text: str, made_by: Callable[[str], T]) -> T:
    try:
        return made_by(text)
    except ValueError as problem:
        raise SettingsError(name, text, str(problem)) from None
