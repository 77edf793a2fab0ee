"""How a client logs in: what it gets a token with, and what it gets the next one with."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from scoringhost.azureml.common import HttpClient, HttpException

LOOPBACK = ("127.0.0.1", "localhost", "::1")
REFUSED = (400, 401)
POLL_S = 5
"""Seconds between two questions whether somebody has logged in, if the directory says nothing (RFC 8628, 3.2)."""


class Login(Protocol):
    """A way to get a token."""

    def token(self) -> str:
        """The first one."""

    def renewed(self) -> str | None:
        """Another one, once that does not hold any more; None if there is none."""


def login_of(context: Any, http: HttpClient) -> Login | None:
    """The login that `auth` of a client means; None for an access token, which cannot be renewed.

    Raises:
        ValueError: if it means none.
    """
    if isinstance(context, str):
        return None
    if isinstance(context, Mapping):
        return DirectoryLogin(context)
    if isinstance(context, tuple | list) and len(context) == 2:
        return PasswordLogin(http, *context)
    raise ValueError("auth: a name and a password, an access token, or a dict of a directory is expected")


class PasswordLogin:
    """By a name and a password at the server itself."""

    def __init__(self, http: HttpClient, name: str, password: str) -> None:
        self._http, self._name, self._password = http, name, password
        self._refresh_token: str | None = None

    def token(self) -> str:
        """See `Login`.

        Raises:
            HttpException: if they are wrong.
        """
        return self._kept(self._http.post(
            "/login", json={"username": self._name, "password": self._password}, is_login=True
        ).json())  # fmt: skip

    def renewed(self) -> str | None:
        """See `Login`. By the refresh token; by the password where the server has forgotten that one."""
        try:
            refresh = {"refreshToken": self._refresh_token}
            return self._kept(self._http.post("/login/refreshToken", json=refresh, is_login=True).json())
        except HttpException as problem:
            if problem.status not in REFUSED:
                raise
        try:
            return self.token()
        except HttpException as problem:
            if problem.status not in REFUSED:
                raise
            return None

    def _kept(self, pair: Mapping[str, Any]) -> str:
        self._refresh_token = pair.get("refresh_token")
        return str(pair["access_token"])


class DirectoryLogin:
    """By Azure Active Directory, or another that gives tokens as it does: for a password, or a code that somebody
    types into his browser (RFC 8628).
    """

    def __init__(self, options: Mapping[str, Any], wait: Callable[[float], object] = time.sleep) -> None:
        """options: authuri, tenant, clientid, resource; and username and password, or code, or user_code_callback.

        Raises:
            ValueError: if one is missing, or passwords would be sent in the clear.
        """
        needed = ["authuri", "tenant", "clientid", "resource"]
        if "username" in options:
            needed.append("password")
        missing = [name for name in needed if not options.get(name)]
        if missing:
            raise ValueError(f"auth: {', '.join(missing)} missing; a directory needs {', '.join(needed)}")
        place = urlsplit(options["authuri"])
        if place.scheme != "https" and not (place.scheme == "http" and place.hostname in LOOPBACK):
            raise ValueError(f"authuri: {options['authuri']!r} must begin with https://, as a password is sent there")
        self._options, self._wait = options, wait
        self._http = HttpClient(options["authuri"])
        self._base = f"/{quote(options['tenant'], safe='')}/oauth2"
        self._refresh_token: str | None = None

    def token(self) -> str:
        """See `Login`.

        Raises:
            HttpException: if the directory refuses.
            ValueError: if it gives no token.
        """
        if "username" in self._options:
            return self._by_password()
        code = self._options.get("code") or self._asked_for_code()
        return self._once_logged_in(code)

    def renewed(self) -> str | None:
        """See `Login`. Nobody is asked for a code again."""
        try:
            if self._refresh_token is not None:
                return self._asked(grant_type="refresh_token", refresh_token=self._refresh_token)
        except HttpException as problem:
            if problem.status not in REFUSED:
                raise
        try:
            return self._by_password() if "username" in self._options else None
        except HttpException as problem:
            if problem.status not in REFUSED:
                raise
            return None

    def _by_password(self) -> str:
        name, password = self._options["username"], self._options["password"]
        return self._asked(grant_type="password", username=name, password=password)

    def _asked(self, **form: str) -> str:
        found = self._posted("token", form)
        if not isinstance(found.get("access_token"), str):
            raise ValueError(f"authuri: {self._http.host} has given no access token")
        self._refresh_token = found.get("refresh_token")
        return str(found["access_token"])

    def _posted(self, what: str, form: Mapping[str, str]) -> dict[str, Any]:
        common = {"client_id": self._options["clientid"], "resource": self._options["resource"]}
        response = self._http.post(f"{self._base}/{what}", data={**common, **form}, is_login=True)
        try:
            found = response.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ValueError(f"authuri: {self._http.host} has answered with no JSON object")
        return found

    def _asked_for_code(self) -> dict[str, Any]:
        """A code, shown to whom it may concern; by the names that Microsoft's library `adal` has for its parts."""
        found = self._posted("devicecode", {})
        code = {
            "userCode": found.get("user_code"),
            "deviceCode": found.get("device_code"),
            "verificationUrl": found.get("verification_url", found.get("verification_uri")),
            "expiresIn": int(found.get("expires_in", 900)),
            "interval": int(found.get("interval", POLL_S)),
            "message": found.get("message"),
        }
        callback = self._options.get("user_code_callback")
        if callback is not None:
            callback(code)
        else:
            sys.stderr.write(f"{code['message']}\n")
        return code

    def _once_logged_in(self, code: Mapping[str, Any]) -> str:
        """Wait until somebody has typed the code in.

        Raises:
            HttpException: if he refuses, or the code is too old.
        """
        interval_s, left_s = code.get("interval", POLL_S), code.get("expiresIn", 900)
        while True:
            try:
                return self._asked(grant_type="device_code", code=code["deviceCode"])
            except HttpException as problem:
                reason = _reason(problem)
                if reason not in ("authorization_pending", "slow_down") or left_s <= 0:
                    raise
                if reason == "slow_down":
                    interval_s += 5  # RFC 8628, 3.5
            self._wait(interval_s)
            left_s -= interval_s


def _reason(problem: HttpException) -> str:
    import json

    try:
        found = json.loads(problem.body or "")
    except ValueError:
        return ""
    return str(found.get("error")) if isinstance(found, dict) else ""
