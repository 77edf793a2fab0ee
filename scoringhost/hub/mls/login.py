"""What the dialect answers about who somebody is, and about sessions."""

from __future__ import annotations

import asyncio
import re

from scoringhost._version import __version__
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.hub.access import Action, require
from scoringhost.hub.errors import LoginRefused, ValueRefused
from scoringhost.hub.mls.guard import Accounts, TokenPair, caller_of
from scoringhost.hub.mls.sessions import Sessions
from scoringhost.hub.mls.words import answered, object_of

PYTHON_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")


class Logins:
    """The operations on logins."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def about(self, request: HttpRequest) -> HttpResponse:
        """What answers here."""
        return answered({"name": "scoringhost", "version": __version__, "api": "MLServer"})

    async def log_in(self, request: HttpRequest) -> HttpResponse:
        """Tokens for a name and a password."""
        body = object_of(request)
        name, password = body.get("username"), body.get("password")
        if not isinstance(name, str) or not isinstance(password, str):
            raise ValueRefused("username", "an object with username and password", sorted(body))
        return _pair(await self._accounts.login(name, password))

    async def refresh(self, request: HttpRequest) -> HttpResponse:
        """New tokens for a refresh token."""
        given = object_of(request).get("refreshToken")
        if not isinstance(given, str):
            raise LoginRefused("the refresh token is missing")
        return _pair(await self._accounts.refresh(given))

    async def revoke(self, request: HttpRequest) -> HttpResponse:
        """The end of a refresh token and of its access token."""
        given = request.argument("refreshToken")
        if not given:
            raise ValueRefused("refreshToken", "a refresh token in the query", None)
        self._accounts.revoke(given)
        return answered(None)


class MlsSessions:
    """The operations on sessions and snapshots; who may not publish needs none."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def create_session(self, request: HttpRequest) -> HttpResponse:
        """A session. pythonVersion, which only our own client says: what its objects are pickled by."""
        body = object_of(request)
        kind, python = body.get("runtimeType", "Python"), body.get("pythonVersion")
        if kind != "Python":
            raise ValueRefused("runtimeType", "Python", kind)
        if python is not None and not (isinstance(python, str) and PYTHON_VERSION.fullmatch(python)):
            raise ValueRefused("pythonVersion", "a version such as 3.12", python)
        return answered({"sessionId": self._sessions.add(self._who(request), python=python).id}, 201)

    async def delete_session(self, request: HttpRequest) -> HttpResponse:
        """The end of one."""
        self._sessions.delete(self._who(request), request.parameters["session"])
        return answered(None)

    async def set_object(self, request: HttpRequest) -> HttpResponse:
        """An object, as dill has pickled it; it is never unpickled in this process."""
        session = self._sessions.get(self._who(request), request.parameters["session"])
        await asyncio.to_thread(self._sessions.put, session, request.parameters["object"], request.body)
        return answered(None)

    async def create_snapshot(self, request: HttpRequest) -> HttpResponse:
        """A snapshot of the session."""
        session = self._sessions.get(self._who(request), request.parameters["session"])
        return answered({"snapshotId": self._sessions.snapshot(session).id}, 201)

    async def delete_snapshot(self, request: HttpRequest) -> HttpResponse:
        """The end of one; services that were published with it have what they need."""
        self._sessions.delete(self._who(request), request.parameters["snapshot"], "snapshot")
        return answered(None)

    def _who(self, request: HttpRequest) -> str:
        caller = caller_of(request)
        require(caller, Action.DEPLOY)
        return caller.name


def _pair(pair: TokenPair) -> HttpResponse:
    response = answered(
        {
            "token_type": "Bearer",
            "access_token": pair.access_token,
            "expires_in": pair.expires_in,
            "expires_on": pair.expires_on,
            "refresh_token": pair.refresh_token,
        }
    )
    response.headers.append(("Cache-Control", "no-store"))
    return response
