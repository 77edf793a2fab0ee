"""The server's door: whether what waits at it is for this worker to take."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.doors.server import server_door
from scoringhost.doors.server.server_door import ServerDoor
from scoringhost.doors.server.worker import Link
from scoringhost.engine.engine import Engine
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.settings import Settings

Make = Callable[..., ServerDoor]


@pytest.fixture
def make() -> Iterator[Make]:
    """make(reuse_port=...): the door of a worker with one listening socket."""
    listeners: list[socket.socket] = []

    def make(*, reuse_port: bool = False) -> ServerDoor:
        listeners.append(socket.create_server(("127.0.0.1", 0)))
        worker: Any = SimpleNamespace(
            sockets=[SimpleNamespace(sock=listeners[-1])],
            app=SimpleNamespace(settings=Settings()),
            cfg=SimpleNamespace(workers=1, reuse_port=reuse_port),
            max_requests=10,
            link=Link(),
            own_listener=None,
        )
        site: Any = SimpleNamespace(app=HttpApp([OtherEndpoints({})], Cors(None)), busy=False, probes=())
        engine = Engine(lambda: site)
        engine.load()
        return ServerDoor(worker, engine, asyncio.new_event_loop())

    yield make
    for listener in listeners:
        listener.close()


@pytest.fixture(autouse=True)
def _not_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_door, "LATE_MASTER_S", 0.05)


def is_for_good(door: ServerDoor) -> bool:
    try:
        return asyncio.run(door._is_for_good())
    finally:
        door._probe_responder.close()
        door._loop.close()


def test_what_waits_is_taken_when_the_whole_service_ends(make: Make) -> None:
    door = make()
    door._worker.link.tell_service_ends()
    assert is_for_good(door)


def test_what_waits_is_taken_when_there_is_no_master_any_more(make: Make) -> None:
    door = make()
    door.master_has_gone = True
    assert is_for_good(door)


def test_what_waits_is_left_to_those_that_take_this_workers_place(make: Make) -> None:
    door = make()
    door._worker.link.tell_replaced()
    assert not is_for_good(door)


def test_with_sockets_of_its_own_a_worker_takes_what_waits_at_them_though_it_is_replaced(make: Make) -> None:
    door = make(reuse_port=True)
    door._worker.link.tell_replaced()
    assert is_for_good(door)


def test_a_worker_to_which_the_master_says_nothing_ends_alone(make: Make) -> None:
    assert not is_for_good(make())
