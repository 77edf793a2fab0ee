"""Accounts: a login with a password, the tokens that it gives, and whose a token is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from scoringhost.hub.access import Caller, Roles
from scoringhost.hub.accounts.attempts import Attempts
from scoringhost.hub.accounts.directory import Directory, Person
from scoringhost.hub.accounts.groups import highest
from scoringhost.hub.accounts.issued import IssuedTokens
from scoringhost.hub.accounts.passwords import NOBODYS, matches
from scoringhost.hub.accounts.sessions import Session, Sessions, TokenPair
from scoringhost.hub.accounts.users_file import Users
from scoringhost.hub.errors import LoginRefused, LoginUnavailable, TokenRefused
from scoringhost.kernel.helper_thread import HelperThread

MOST_CHECKS = 50
"""Passwords that are checked or wait for it at once; each takes 90 ms of a core and 32 MiB."""
LONGEST_PASSWORD = 1024
"""Characters; what is longer is nobody's, and not worth the time to find that out."""
OF_DIRECTORY = "directory"
"""The stamp of who is in no users file. No hash is written like that."""

FAILURE_S = 1.0
"""Where there is a directory, a login that fails takes a whole number of these seconds."""

DEAD = "the refresh token does not hold, or not any more: log in"
WRONG = "the user name or the password is wrong"
UNSEEN = "send the access token of a login as Authorization: Bearer ..."

log = logging.getLogger("scoringhost")


def _wall_clock() -> float:
    return datetime.now(UTC).timestamp()


class Accounts:
    """Lets people in: those of a users file, then those of a directory; and tokens of an issuer.

    For one event loop. Tokens are in memory: none outlives the hub.
    """

    def __init__(
        self,
        users: Users | None = None,
        directory: Directory | None = None,
        issued: IssuedTokens | None = None,
        roles: Roles | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = _wall_clock,
    ) -> None:
        """roles: of people of the directory, where somebody has listed them.

        clock: seconds that never jump, by which tokens end. wall_clock: seconds since 1970, to tell clients.
        """
        self._users, self._directory, self._issued = users, directory, issued
        self._roles = roles or Roles(None)
        self._sessions = Sessions(clock, wall_clock)
        self._attempts = Attempts()
        self._helper = HelperThread()
        self._checks = 0

    async def login(self, name: str, password: str) -> TokenPair:
        """Returns tokens for a name and its password, and takes the longer the more often it was wrong.

        Raises:
            LoginRefused: if one of them is wrong; which one, neither the message nor the time says.
            LoginUnavailable: a LoginRefused: the directory cannot be asked, or too many try at once.
        """
        if self._checks >= MOST_CHECKS:
            raise LoginUnavailable("too many log in at once", 5)
        known = name[:LONGEST_PASSWORD].casefold()
        wait_s = self._attempts.wait_s(known, time.monotonic())
        if wait_s is None:
            raise LoginUnavailable("too many have tried that name; wait a while", 30)
        self._checks += 1
        began_s = time.monotonic()
        try:
            if wait_s:
                await asyncio.sleep(wait_s)
            found = await self._helper.do(lambda: self._look_for(name, password))
        finally:
            self._checks -= 1
        if found is None:
            self._attempts.failed(known, time.monotonic())
            log.warning("A login has failed")  # a name may be a password that was typed into the wrong field
            if self._directory is not None:
                # It was asked only about who is not in the users file, and the time would say who that is.
                await asyncio.sleep(-(time.monotonic() - began_s) % FAILURE_S)
            raise LoginRefused(WRONG)
        self._attempts.succeeded(known)
        who, stamp = found
        return self._sessions.open(who.name, who.role, stamp)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Returns new tokens for a refresh token; those before are dead. Who is of the directory has the role of today.

        Raises:
            LoginRefused: if it does not hold, or the login is 90 days ago: then the password is asked for.
            LoginUnavailable: a LoginRefused: the directory cannot be asked; the tokens are good as before.
        """
        session = self._sessions.of_refresh(refresh_token)
        if session is None:
            raise LoginRefused(DEAD)
        found = self._caller_of(session)
        if found is not None and session.stamp == OF_DIRECTORY:
            found = await self._helper.do(lambda: self._of_directory(session.name))
        if self._sessions.of_refresh(refresh_token) is not session:
            raise LoginRefused(DEAD)  # somebody else has used it meanwhile
        self._sessions.end(session)
        if found is None:
            raise LoginRefused(DEAD)
        return self._sessions.open(session.name, found.role, session.stamp, session.login)

    def revoke(self, refresh_token: str) -> None:
        """Its access token and itself are dead; one that is none, or was dead already, changes nothing."""
        session = self._sessions.of_refresh(refresh_token)
        if session is not None:
            self._sessions.end(session)

    def caller(self, authorization: str | None) -> Caller:
        """Who has sent a value of `Authorization`, found without any waiting.

        Raises:
            TokenRefused: if it is no token of ours, nor one of the issuer's.
            LoginUnavailable: if the issuer's keys are not here; `wait_for_caller` fetches them.
        """
        token = _bearer(authorization)
        return self._own(token) or self._issuer_of(token).caller(token)

    async def wait_for_caller(self, authorization: str | None) -> Caller:
        """As `caller`, but fetches the keys of an issuer of tokens, beside the event loop, where they are needed.

        Raises:
            TokenRefused: if it is no token of ours, nor one of the issuer's.
            LoginUnavailable: if the issuer's keys cannot be had.
        """
        token = _bearer(authorization)
        return self._own(token) or await self._issuer_of(token).wait_for_caller(token)

    def _issuer_of(self, token: str) -> IssuedTokens:
        """Who can say whose a token is that is none of ours; one of an issuer has three parts (RFC 7515, 7.1)."""
        if self._issued is None or token.count(".") != 2:
            raise TokenRefused("the token does not hold, or not any more: log in")
        return self._issued

    def _own(self, token: str) -> Caller | None:
        session = self._sessions.of_access(token)
        if session is None:
            return None
        found = self._caller_of(session)
        if found is None:
            self._sessions.end(session)
        return found

    def _caller_of(self, session: Session) -> Caller | None:
        """Whose session it is, with the role that he has now; None if he is gone, or his password is another one."""
        user = None if self._users is None else self._users.find(session.name)
        if session.stamp == OF_DIRECTORY:
            # Who has been added to the users file meanwhile is somebody else of the same name.
            return Caller(session.name, session.role) if user is None else None
        if user is None or user.kept != session.stamp:
            return None
        return Caller(session.name, user.role)

    def _look_for(self, name: str, password: str) -> tuple[Caller, str] | None:
        """The work of a login, for a thread: whose password it is, and the stamp of his session."""
        user = None if self._users is None else self._users.find(name)
        is_possible = bool(password) and len(password) <= LONGEST_PASSWORD
        # Somebody's or nobody's: the hash takes its time either way.
        is_right = matches(password if is_possible else "", NOBODYS if user is None else user.kept)
        if not is_possible:
            return None
        if user is not None:
            return (Caller(name, user.role), user.kept) if is_right else None
        if self._directory is None:
            return None
        person = self._directory.who(name, password)
        found = self._caller_for(person)
        return None if found is None else (found, OF_DIRECTORY)

    def _of_directory(self, name: str) -> Caller | None:
        """Somebody of the directory as it knows him now; None if it does not. For a thread, as it is asked."""
        return None if self._directory is None else self._caller_for(self._directory.known(name))

    def _caller_for(self, person: Person | None) -> Caller | None:
        if person is None or (self._users is not None and self._users.find(person.name) is not None):
            return None
        return Caller(person.name, highest(self._roles.of(person.name).role, person.role))


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenRefused(UNSEEN)
    return token.strip()
