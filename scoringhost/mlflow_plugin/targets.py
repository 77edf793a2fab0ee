"""From a target URI to a client of the hub that it names.

scoringhost                       this user's hub, which is started if it does not run (SCORINGHOST_HOME)
scoringhost://localhost           the same
scoringhost:NAME                  that of another workspace
scoringhost:/folder               that of a folder
scoringhost:5002                  the hub that runs at a port of this machine, be it that of its services
scoringhost://host:5002           the hub that runs there; its key is in SCORINGHOST_HUB_KEY
scoringhost:/http://host:5002     the same, as a URL
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scoringhost.hub.client import HubClient, connect
from scoringhost.hub.place import user_home, workspace_folder
from scoringhost.hub.record import HubRecord, read_record, token_of

CONTROL_PORT = 5002
KEY_VARIABLE = "SCORINGHOST_HUB_KEY"
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a hub is. home: its folder; None: `url` is that of its control API, or of its services."""

    home: Path | None
    url: str = ""


def target_of(uri: str, environ: Mapping[str, str]) -> Target:
    """What a target URI names.

    Raises:
        NameRefused: if it names a workspace, and that cannot be one.
        ValueError: if the port cannot be one.
    """
    parts = urlsplit(uri)
    path = unquote(parts.path) if parts.scheme else ""
    if parts.netloc:
        if parts.port is None and parts.hostname in _HERE:
            return Target(workspace_folder(environ))
        host = parts.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        return Target(None, f"http://{shown}:{parts.port or CONTROL_PORT}")
    if path.startswith(("/http://", "/https://")):
        return Target(None, path[1:])
    if path.startswith("/"):
        return Target(Path(path))
    if path.isdigit():
        return Target(None, f"http://127.0.0.1:{int(path)}")
    return Target(workspace_folder(environ, path or None))


def client_of(target: Target, environ: Mapping[str, str]) -> HubClient:
    """A client of that hub, which is started if a folder is named, and none runs.

    Raises:
        HubNotRunning: if none runs, and none could be started.
        ValueRefused: if the URL is none.
    """
    if target.home is not None:
        return connect(target.home, environ)
    key = environ.get(KEY_VARIABLE, "")
    found = None if key else _own_at(target.url, environ)
    if found is None:
        return HubClient(target.url, key)
    home, record = found
    return HubClient(record.control, token_of(home), is_local=True)


def _own_at(url: str, environ: Mapping[str, str]) -> tuple[Path, HubRecord] | None:
    """A hub of this user's at a port of this machine, whose token can be read then."""
    parts = urlsplit(url)
    if parts.hostname not in _HERE:
        return None
    workspaces = user_home(environ) / "workspaces"
    for home in sorted(workspaces.iterdir()) if workspaces.is_dir() else []:
        record = read_record(home)
        if record is not None and parts.port in (urlsplit(record.control).port, urlsplit(record.url).port):
            return home, record
    return None
