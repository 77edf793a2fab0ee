"""A client of a hub: what its control API can do, as methods.

`connect(home)` finds the hub of a folder, and starts one if none runs. Every method answers plain values as JSON has
them, and raises `HubAnswered` if the hub refuses, or `HubNotRunning` if it does not answer.
"""

from __future__ import annotations

import http.client
import json
import os
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from scoringhost.hub.content import LEFT_OUT
from scoringhost.hub.errors import DeploymentFailed, HubAnswered, HubNotRunning, ValueRefused
from scoringhost.hub.record import token_of
from scoringhost.hub.starting import running_or_started

PART = 8 * 1024 * 1024
"""Bytes of a file or an archive that are sent at once."""
ANSWER_S = 60.0
"""Seconds that an answer may take, beside those that are waited for."""

Answer = dict[str, Any]


def connect(
    home: str | os.PathLike[str],
    environ: Mapping[str, str] | None = None,
    *,
    start: bool = True,
    port: int | None = None,
) -> HubClient:
    """A client of the hub of a folder. start: if none runs, one is started, which outlives this process.

    port: for the services, if one is started; None: the one from the last time, or a free one.

    Raises:
        HubNotRunning: if none runs, and none could be started.
    """
    path = Path(home).absolute()
    record, has_started = running_or_started(
        path, os.environ if environ is None else environ, may_start=start, port=port
    )
    return HubClient(record.control, token_of(path), is_local=True, has_started=has_started)


class HubClient:
    """A client of one hub; for several threads at once, as each call has a connection of its own."""

    def __init__(self, url: str, token: str = "", *, is_local: bool = False, has_started: bool = False) -> None:
        """`url`: of the control API. is_local: files are named to it and not sent, as it is on this machine.

        has_started: whether the hub was started for this client.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueRefused("hub", "a URL, such as http://127.0.0.1:5002", url)
        self.url, self.has_started = url.rstrip("/"), has_started
        self._parts, self._token, self._is_local = parts, token, is_local

    # -- calls --------------------------------------------------------------------------------------

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

    def _exchange(
        self, method: str, target: str, raw: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> tuple[int, bytes]:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=timeout_s)
        try:
            connection.request(method, target, raw, dict(headers))
            reply = connection.getresponse()
            return reply.status, reply.read()
        except (OSError, http.client.HTTPException) as problem:
            raise HubNotRunning(self.url, str(problem) or type(problem).__name__) from None
        finally:
            connection.close()

    def about(self) -> Answer:
        """What the hub is, and what the caller is to it."""
        return self.call("GET", "/")

    def stop(self) -> None:
        """End the hub in order."""
        self.call("POST", "/stop")

    # -- files --------------------------------------------------------------------------------------

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
        for part in _archived(place) if place.is_dir() else _parts_of(place):
            offset = self.call("PATCH", f"/uploads/{upload}", part, query={"offset": offset})["size"]
        return {"upload": upload}

    # -- models -------------------------------------------------------------------------------------

    def models(self, **query: Any) -> list[Answer]:
        """The models that fit; see the operation `list_models`."""
        found: list[Answer] = self.call("GET", "/models", query=query)["models"]
        return found

    def model(self, name: str, version: int | None = None) -> Answer:
        """One version of a model; the newest if none is said."""
        return self.call("GET", _model(name, version))

    def register_model(self, name: str, path: str | os.PathLike[str], **fields: Any) -> Answer:
        """Store a file or folder of this machine as the next version."""
        return self.call("POST", _model(name), {**self.source(path), **fields})

    def change_model(self, name: str, version: int, **fields: Any) -> Answer:
        """Tag or describe it."""
        return self.call("PATCH", _model(name, version), fields)

    def delete_model(self, name: str, version: int) -> Answer:
        """Delete one version."""
        return self.call("DELETE", _model(name, version))

    # -- services -----------------------------------------------------------------------------------

    def services(self) -> list[Answer]:
        """All services with their versions."""
        found: list[Answer] = self.call("GET", "/services")["services"]
        return found

    def service(self, name: str) -> Answer:
        """One service with its versions."""
        return self.call("GET", _service(name))

    def version(self, name: str, version: str, *, wait_s: float = 0.0) -> Answer:
        """One version; waits until it is ready or failed, at most so many seconds."""
        return self.call("GET", _service(name, f"/versions/{quote(version, safe='')}"), wait_s=wait_s)

    def create_service(self, name: str, endpoint: str = "endpoint") -> Answer:
        """A service without versions, which stays when it has none."""
        return self.call("POST", _service(name), {"endpoint": endpoint})

    def deploy(
        self,
        name: str,
        source: str | os.PathLike[str] | None = None,
        *,
        wait_s: float = 0.0,
        keep_failed: bool = False,
        **fields: Any,
    ) -> Answer:
        """Deploy a folder or file of this machine, or models. fields: those of the operation `deploy`.

        Returns the version; with `wait_s`, when it is ready.

        Raises:
            DeploymentFailed: if it could not be started, and that was known in time.
        """
        body = {**(self.source(source) if source is not None else {}), **_given(fields)}
        query = {"keep_failed": "true"} if keep_failed else {}
        return self.call("POST", _service(name, "/versions"), body, query=query, wait_s=wait_s)

    def update(
        self,
        name: str,
        version: str,
        source: str | os.PathLike[str] | None = None,
        *,
        wait_s: float = 0.0,
        keep_failed: bool = False,
        **fields: Any,
    ) -> Answer:
        """Change a version; what is not named stays. Returns and raises as `deploy` does."""
        body = {**(self.source(source) if source is not None else {}), **_given(fields)}
        query = {"keep_failed": "true"} if keep_failed else {}
        path = _service(name, f"/versions/{quote(version, safe='')}")
        return self.call("PATCH", path, body, query=query, wait_s=wait_s)

    def delete(self, name: str, version: str | None = None, *, wait_s: float = 0.0) -> Answer:
        """Undeploy a version, or all of a service."""
        rest = "" if version is None else f"/versions/{quote(version, safe='')}"
        return self.call("DELETE", _service(name, rest), wait_s=wait_s)

    def rollback(self, name: str, *, wait_s: float = 0.0) -> Answer:
        """Go back to what was before the newest deployment; returns the version that is in force now."""
        return self.call("POST", _service(name, "/rollback"), wait_s=wait_s)

    def start(self, name: str, version: str | None = None, *, wait_s: float = 0.0) -> Answer:
        """Have it run, after a restart, too."""
        return self.call("POST", _service(name, "/start"), query={"version": version}, wait_s=wait_s)

    def stop_service(self, name: str, version: str | None = None, *, wait_s: float = 0.0) -> Answer:
        """Have it not run until it is started."""
        return self.call("POST", _service(name, "/stop"), query={"version": version}, wait_s=wait_s)

    def reload(self, name: str, version: str | None = None, *, wait_s: float = 0.0) -> Answer:
        """Start it anew beside itself."""
        return self.call("POST", _service(name, "/reload"), query={"version": version}, wait_s=wait_s)

    def scale(self, name: str, version: str | None = None, **pool: float) -> Answer:
        """Change how many workers it has: `minimum`, `maximum`, `calls_each`, `idle_s`."""
        return self.call("POST", _service(name, "/scale"), pool, query={"version": version})

    def divide(self, name: str, **fields: Any) -> Answer:
        """Divide its requests: `shares`, `default`, `sticky_header`, `shadow`."""
        return self.call("PATCH", _service(name, "/traffic"), fields)

    def logs(self, name: str, version: str | None = None, lines: int = 50) -> list[str]:
        """The last lines of its log."""
        found: list[str] = self.call("GET", _service(name, "/logs"), query={"version": version, "lines": lines})[
            "lines"
        ]
        return found

    def events(self, name: str | None = None, *, after: int = 0, most: int = 100) -> list[Answer]:
        """What has happened, the newest last."""
        path = "/events" if name is None else _service(name, "/events")
        found: list[Answer] = self.call("GET", path, query={"after": after, "most": most})["events"]
        return found


def _service(name: str, rest: str = "") -> str:
    return f"/services/{quote(name, safe='')}{rest}"


def _model(name: str, version: int | None = None) -> str:
    return f"/models/{quote(name, safe='')}" + ("" if version is None else f"/versions/{version}")


def _given(fields: Mapping[str, Any]) -> Answer:
    return {name: value for name, value in fields.items() if value is not None}


def _said(answer: Any) -> Answer:
    said = answer.get("error") if isinstance(answer, dict) else None
    return said if isinstance(said, dict) else {}


def _error(status: int, answer: Any) -> Exception:
    said = _said(answer)
    message, log = str(said.get("message", f"status {status}")), said.get("log", ())
    if said.get("code") == "deployment_failed":
        key = message.partition(" could not be started")[0]
        name, _, version = key.partition(":")
        return DeploymentFailed(name, version, said.get("reason", message), log)
    return HubAnswered(status, str(said.get("code", "")), message, str(said.get("field", "")), log)


def _parts_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART):
            yield part


def _archived(folder: Path) -> Iterator[bytes]:
    """A folder as a tar archive, in parts, none of which waits for the whole: it may be larger than the memory."""
    reading, writing = os.pipe()
    failed: list[OSError] = []

    def write() -> None:
        try:
            with os.fdopen(writing, "wb") as file, tarfile.open(fileobj=file, mode="w|", dereference=True) as archive:
                for path in _wanted(sorted(folder.iterdir())):
                    archive.add(path, path.name, filter=_kept)
        except OSError as problem:  # or a broken pipe: the hub has refused a part, and nobody reads on
            failed.append(problem)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    with os.fdopen(reading, "rb") as file:
        while part := file.read(PART):
            yield part
    thread.join()
    if failed:
        raise ValueRefused("path", f"a folder that can be read ({failed[0]})", str(folder))


def _wanted(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if path.name not in LEFT_OUT]


def _kept(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if Path(info.name).name in LEFT_OUT else info
