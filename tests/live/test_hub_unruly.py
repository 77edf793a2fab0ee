"""Services that do not go when they are told to, or write without end; and what a hub that was killed leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from scoringhost.hub.record import read_record
from tests.conftest import ask
from tests.live.hubs import HubProcess

JSON = [("Content-Type", "application/json")]
STUBBORN = """
import signal
import time


def init():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def run(raw_data):
    print("it runs", flush=True)
    while True:
        try:
            time.sleep(3600)
        except BaseException:
            pass
"""
LOUD = """
def init():
    pass


def run(raw_data):
    for _ in range(10):
        print(("x" * 999 + "\\n") * 1000)
    return 1
"""
MIB = 1024 * 1024


@pytest.fixture
def hub() -> Iterator[HubProcess]:
    """A hub that is not started yet, and gone after the test."""
    one = HubProcess()
    yield one
    one.remove()


def call(hub: HubProcess, name: str) -> None:
    with suppress(OSError):
        ask(hub.ports[0], "POST", f"/services/{name}/score", headers=JSON, body=b'{"raw_data": 1}')


def test_a_service_that_goes_on_whatever_it_is_told_is_ended_and_that_is_said(hub: HubProcess) -> None:
    client = hub.start("--drain-timeout-s", "1")
    for name in ("one", "two"):
        client.deploy(name, hub.service(name, STUBBORN), wait_s=60)
        threading.Thread(target=call, args=(hub, name), daemon=True).start()
        hub.until(lambda name=name: any("it runs" in line for line in client.logs(name)), "its call")  # type: ignore[misc]
    began_s = time.monotonic()
    client.delete("one", wait_s=60)
    assert hub.stop() == 0
    assert time.monotonic() - began_s < 60, "it takes 20 s on an idle machine: twice the time to drain, and 8 s"
    lines = hub.log_text().splitlines()
    for name in ("one", "two"):
        own = [line for line in lines if line.startswith(f"{name}:1 | ")]
        assert any("the time to drain is over" in line or "is killed: it has not ended" in line for line in own), own
    hub.gone()


def test_the_log_of_a_service_that_writes_without_end_does_not_grow_without_end(hub: HubProcess) -> None:
    client = hub.start("--quiet")
    client.deploy("loud", hub.service("loud", LOUD), wait_s=60)
    folder = hub.home / "log"

    def has_two_files() -> bool:
        call(hub, "loud")
        return (folder / "loud:1.log.1").exists()

    hub.until(has_two_files, "its second file")
    assert sum(path.stat().st_size for path in folder.iterdir()) < 12 * MIB
    assert len(client.logs("loud", lines=5)) == 5


def test_what_a_killed_hub_has_left_the_next_one_removes(hub: HubProcess) -> None:
    hub.start()
    record = read_record(hub.home)
    assert record is not None
    hub.kill()
    hub.gone()
    other = HubProcess()
    try:
        other.start()
        assert not Path(record.run_dir).exists()
    finally:
        other.remove()
