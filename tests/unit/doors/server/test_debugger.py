"""A debugger that is asked for can do its work, or it is said why not."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest

from scoringhost.doors.server.debugger import listen, require_usable
from scoringhost.errors import SettingsError
from scoringhost.settings import Settings


@pytest.mark.parametrize("given", [{}, {"debug_port": 5678}, {"debug_port": 5678, "debug_wait": True}])
def test_one_worker_with_a_port_can_be_debugged(given: dict[str, Any]) -> None:
    require_usable(replace(Settings(), **given))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"debug_wait": True}, "needs a port to wait at: --debug-port 5678"),
        ({"debug_port": 5678, "workers": 2}, "only one worker can be debugged"),
        ({"debug_port": 5678, "reload": True}, "take one of the two"),
    ],
)
def test_what_does_not_go_together_is_named(given: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        require_usable(replace(Settings(), **given))


def test_without_debugpy_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install 'debugpy>=1.8'"):
        require_usable(replace(Settings(), debug_port=5678))


def test_where_none_is_asked_for_debugpy_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "debugpy", None)  # an import would fail
    listen(Settings())
