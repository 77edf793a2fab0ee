"""A client of a hub: what its control API can do, as methods.

`connect(home)` finds the hub of a folder, and starts one if none runs. Every method answers plain values as JSON has
them, and raises `HubAnswered` if the hub refuses, or `HubNotRunning` if it does not answer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scoringhost.hub.calling import Answer, HubCalls
from scoringhost.hub.received import Received
from scoringhost.hub.record import token_of
from scoringhost.hub.starting import running_or_started


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


class HubClient(HubCalls):
    """A client of one hub; for several threads at once, as each call has a connection of its own."""

    def about(self) -> Answer:
        """What the hub is, and what the caller is to it."""
        return self.call("GET", "/")

    def page_link(self) -> str:
        """An address that opens the page of the hub in a browser, once and within minutes, as the caller."""
        # Behind the `#`, which browsers send to nobody.
        return f"{self.url}/ui#code={self.call('POST', '/links')['code']}"

    def stop(self) -> None:
        """End the hub in order."""
        self.call("POST", "/stop")

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

    def download_model(
        self, name: str, version: int | None, folder: str | os.PathLike[str], *, replace: bool = False
    ) -> Path:
        """Write a model's file, or its folder, into a folder of this machine; checked, whole, or not at all.

        Returns its path.

        Raises:
            PlaceTaken: if something of that name is there, and it may not be replaced.
            ContentDamaged: if what came is not what was registered.
        """
        model = self.model(name, version)
        with Received(Path(folder), model, replace=replace) as received:
            with received.file() as file:
                self.receive(f"{_model(name, model['version'])}/content", file)
            return received.put()

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
