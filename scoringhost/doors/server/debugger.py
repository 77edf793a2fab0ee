"""A debugger for the script: debugpy (the Debug Adapter Protocol) in the worker, for VS Code and others."""

from __future__ import annotations

import importlib.util
import logging
import os

from scoringhost.errors import SettingsError, pip_install
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER

HOST = "127.0.0.1"
"""Whoever attaches can run any code, so only this machine is listened to."""

log = logging.getLogger(HOST_LOGGER)


def require_usable(settings: Settings) -> None:
    """Check that a debugger can do its work, if one is asked for.

    Raises:
        SettingsError: if debugpy is not there, or several workers would share one port.
    """
    if settings.debug_port is None:
        if settings.debug_wait:
            raise SettingsError("debug_wait", True, "needs a port to wait at: --debug-port 5678")
        return
    if importlib.util.find_spec("debugpy") is None:
        raise SettingsError("debug_port", settings.debug_port, f"needs debugpy: {pip_install('debug', 'debugpy')}")
    if settings.workers > 1:
        raise SettingsError("workers", settings.workers, "only one worker can be debugged at the debug_port")
    if settings.reload:
        raise SettingsError("reload", True, "a debug_port belongs to one worker; take one of the two")


def listen(settings: Settings) -> None:
    """Listen for a debugger, if one is asked for, and wait for it if that is asked for, too.

    Raises:
        SettingsError: if the port cannot be listened to.
    """
    if settings.debug_port is None:
        return
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # a warning about modules frozen into Python
    import debugpy

    try:
        debugpy.listen((HOST, settings.debug_port))
    except (RuntimeError, OSError) as problem:
        raise SettingsError("debug_port", settings.debug_port, f"cannot be listened to: {problem}") from None
    waiting = "; waiting for it" if settings.debug_wait else ""
    log.info("a debugger can attach to %s:%d%s; run() has no time limit", HOST, settings.debug_port, waiting)
    if settings.debug_wait:
        debugpy.wait_for_client()
