"""`run_local`: a model served in the foreground, by a server of its own."""

from __future__ import annotations

import difflib
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from scoringhost.errors import SettingsError
from scoringhost.hub.errors import DeploymentRefused
from scoringhost.process.parents_end import signalled_at_parents_end
from scoringhost.settings import PREFIX, SPECS, Settings

Handler = Callable[[int, FrameType | None], Any] | int | None


def serve(name: str, path: Path, config: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Serve a model until it is ended by Ctrl-C or SIGTERM.

    config: settings by name, `port` among them. It listens on this machine only, unless `host` says otherwise.

    Raises:
        DeploymentRefused: if a setting is not there, or its value cannot be used; or if the server fails.
    """
    settings = {"host": "127.0.0.1", "service_name": name, **{key.replace("-", "_"): config[key] for key in config}}
    _require_usable(path, settings, environ)
    words = [sys.executable, "-m", "scoringhost", "serve", str(path)]
    variables = {**environ, **{PREFIX + key.upper(): str(value) for key, value in settings.items()}}
    server = subprocess.Popen(words, env=variables, preexec_fn=signalled_at_parents_end(signal.SIGTERM))
    before = _on_sigterm(lambda *_: server.terminate())
    code: int | None = None
    try:
        while code is None:
            try:
                code = server.wait()
            except KeyboardInterrupt:
                # From a terminal the server has had it, too, and ends by it; only a program sends it to one process.
                server.send_signal(signal.SIGINT)
    finally:
        _on_sigterm(before)
    if code not in (0, -signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGINT):
        raise DeploymentRefused("", f"{name}: the server has ended with {code}; what it printed above says why")


def _require_usable(path: Path, settings: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    for key in settings:
        if key not in SPECS:
            near = difflib.get_close_matches(key, list(SPECS), 1)
            hint = f"did you mean {near[0]!r}?" if near else "scoringhost serve --help has them all"
            raise DeploymentRefused(key, f"there is no such key; {hint}")
    try:
        Settings.load(environ, {"script": ("script", str(path)), **{k: (k, v) for k, v in settings.items()}}, path)
    except SettingsError as problem:
        raise DeploymentRefused(problem.name, problem.reason) from None


def _on_sigterm(handler: Handler) -> Handler:
    """Have a signal handled; in a thread that cannot, nothing changes."""
    try:
        return signal.signal(signal.SIGTERM, handler)
    except ValueError:
        return None
