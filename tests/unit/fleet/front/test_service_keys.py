"""Keys of single services: the front asks for one where a service has some, and nobody else's business changes."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Given = Callable[..., Any]
Read = Callable[[socket.socket], tuple[bytes, bytes]]
KEYS = {name: sha256(key.encode()).hexdigest() for name, key in (("primary", "key-1"), ("secondary", "key-2"))}


@pytest.fixture
def guarded(given: Given, request_reader: Read) -> Any:
    """A service that asks for a key."""

    def serve(connection: socket.socket) -> None:
        request_reader(connection)
        connection.sendall(OK)
        connection.close()

    made = given(serve)
    made.front.add(dataclasses.replace(made.front._services[made.name], keys=KEYS))
    return made


@pytest.mark.parametrize("sent", ["Authorization: Bearer key-1", "authorization: bearer key-2", "x-api-key: key-1"])
def test_each_of_its_keys_opens_a_service_in_both_headers(guarded: Any, sent: str) -> None:
    assert guarded.get("/score", sent).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent", ["X: y", "Authorization: Bearer key-3", "Authorization: Basic key-1", "x-api-key: key"]
)
def test_without_one_the_answer_is_a_401_in_json(guarded: Any, sent: str) -> None:
    answer = guarded.get("/score", sent)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b'{"message":"' in answer
    assert b"www-authenticate: Bearer" in answer.replace(b"WWW-Authenticate", b"www-authenticate")


def test_health_stays_open(guarded: Any) -> None:
    assert guarded.get("/").startswith(b"HTTP/1.1 200 ")


def test_other_services_are_asked_for_nothing_and_keys_may_be_taken_back(guarded: Any) -> None:
    front = guarded.front
    front.add(dataclasses.replace(front._services[guarded.name], keys={}))
    assert guarded.get().startswith(b"HTTP/1.1 200 ")
