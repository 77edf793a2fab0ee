"""Calls of a hub's control API from anywhere: requests, what is sent with them, and what a refusal means."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

from scoringhost.hub.content import PIECE
from scoringhost.hub.errors import DeploymentFailed, HubAnswered, HubError, HubNotRunning, ValueRefused
from scoringhost.hub.sending import archived, parts_of

ANSWER_S = 60.0
"""Seconds that an answer may take, beside those that are waited for."""

Answer = dict[str, Any]


class HubCalls:
    """Calls of one hub; for several threads at once, as each call has a connection of its own."""

    def __init__(self, url: str, token: str = "", *, is_local: bool = False, has_started: bool = False) -> None:
        """`url`: of the control API. is_local: files are named to it and not sent, as it is on this machine.

        has_started: whether the hub was started for this client.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueRefused("hub", "a URL, such as http://127.0.0.1:5002", url)
        self.url, self.has_started = url.rstrip("/"), has_started
        self._parts, self._token, self._is_local = parts, token, is_local

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        wait_s: float = 0.0,
    ) -> Answer:
        """One call of the control API; `path` has its names quoted.

        Raises:
            DeploymentFailed: if what was to run could not be started.
            HubAnswered: if the hub refuses for another reason.
            HubNotRunning: if it does not answer.
        """
        pairs = [(name, str(value)) for name, value in (query or {}).items() if value is not None]
        pairs += [("wait", f"{wait_s:g}")] if wait_s else []
        target = f"{self._parts.path.rstrip('/')}{path}{f'?{urlencode(pairs)}' if pairs else ''}"
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        status, content = self._exchange(method, target, raw, {**headers, "Content-Type": kind}, wait_s + ANSWER_S)
        try:
            answer = json.loads(content)
        except ValueError:
            raise HubNotRunning(self.url, f"what answers there is no hub (status {status})") from None
        if status < 400 and isinstance(answer, dict):
            return answer
        if status == HTTPStatus.SERVICE_UNAVAILABLE:  # it is about to end
            raise HubNotRunning(self.url, _said(answer).get("message", "it is about to end"))
        raise _error(status, answer)

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        return kind(self._parts.hostname or "", self._parts.port, timeout=timeout_s)

    def _exchange(
        self, method: str, target: str, raw: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> tuple[int, bytes]:
        connection = self._connection(timeout_s)
        try:
            connection.request(method, target, raw, dict(headers))
            reply = connection.getresponse()
            return reply.status, reply.read()
        except (OSError, http.client.HTTPException) as problem:
            raise HubNotRunning(self.url, str(problem) or type(problem).__name__) from None
        finally:
            connection.close()

    def receive(self, path: str, file: BinaryIO) -> None:
        """Write what the control API answers into a file, as it comes.

        Raises:
            HubAnswered: if the hub refuses.
            HubNotRunning: if it does not answer, or breaks off.
        """
        target = f"{self._parts.path.rstrip('/')}{path}"
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        connection = self._connection(ANSWER_S)
        try:
            connection.request("GET", target, headers=headers)
            reply = connection.getresponse()
            if reply.status != HTTPStatus.OK:
                raise _refusal(reply.status, reply.read())
            while piece := reply.read(PIECE):
                file.write(piece)
        except (OSError, http.client.HTTPException) as problem:
            raise HubNotRunning(self.url, str(problem) or type(problem).__name__) from None
        finally:
            connection.close()

    def source(self, path: str | os.PathLike[str]) -> Answer:
        """How a file or folder of this machine is named to the hub: by its path, or as an upload, which this sends.

        Raises:
            ValueRefused: if it is not there.
        """
        place = Path(path).absolute()
        if not place.exists():
            raise ValueRefused("path", "a file or folder that is there", str(path))
        if self._is_local:
            return {"path": str(place)}
        kind = "folder" if place.is_dir() else "file"
        upload = self.call("POST", "/uploads", {"name": place.resolve().name, "kind": kind})["id"]
        offset = 0
        try:
            for part in archived(place) if place.is_dir() else parts_of(place):
                offset = self.call("PATCH", f"/uploads/{upload}", part, query={"offset": offset})["size"]
        except BaseException:  # such as the disk there, which what has come of it would keep full
            with suppress(HubError):
                self.call("DELETE", f"/uploads/{upload}")
            raise
        return {"upload": upload}


def _said(answer: Any) -> Answer:
    said = answer.get("error") if isinstance(answer, dict) else None
    return said if isinstance(said, dict) else {}


def _refusal(status: int, content: bytes) -> Exception:
    try:
        return _error(status, json.loads(content))
    except ValueError:
        return HubAnswered(status, "", f"status {status}")


def _error(status: int, answer: Any) -> Exception:
    said = _said(answer)
    message, log = str(said.get("message", f"status {status}")), said.get("log", ())
    if said.get("code") == "deployment_failed":
        key = message.partition(" could not be started")[0]
        name, _, version = key.partition(":")
        return DeploymentFailed(name, version, said.get("reason", message), log)
    return HubAnswered(status, str(said.get("code", "")), message, str(said.get("field", "")), log)
