"""The ports of a hub that is started on demand."""

import json
import socket
from pathlib import Path

import pytest

from scoringhost.hub import starting
from scoringhost.hub.errors import HubNotRunning
from tests.conftest import free_port


def test_the_ports_from_the_last_time_are_taken_again(tmp_path: Path) -> None:
    ports = {"services": free_port(), "control": free_port()}
    (tmp_path / starting.PORTS).write_text(json.dumps(ports))
    assert starting._ports(tmp_path) == (ports["services"], ports["control"])


def test_free_ports_are_taken_if_somebody_else_has_those(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "LEAVE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"services": taken.getsockname()[1], "control": free_port()}
        (tmp_path / starting.PORTS).write_text(json.dumps(ports))
        found = starting._ports(tmp_path)
    assert ports["services"] not in found
    assert len(set(found)) == 2


def test_no_hub_is_started_where_that_is_not_wanted(tmp_path: Path) -> None:
    with pytest.raises(HubNotRunning, match="scoringhost hub serve"):
        starting.running_or_started(tmp_path / "hub", {}, may_start=False)
    assert not (tmp_path / "hub").exists()
