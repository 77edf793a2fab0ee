"""Request ids, TraceId and the server's version on every response."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from scoringhost import __version__

if TYPE_CHECKING:
    from tests.conformance.conftest import Client
    from tests.conftest import Reply

Serve = Callable[..., "Client"]

LONG = "i" * 101


def post(serve: Serve, *headers: tuple[str, str]) -> Reply:
    return serve("text.py").post("x", list(headers))


def ids(reply: Reply) -> tuple[str | None, str | None, str | None]:
    names = ("x-request-id", "x-ms-request-id", "x-ms-client-request-id")
    return tuple(map(reply.header, names))  # type: ignore[return-value]


def test_a_request_without_an_id_gets_a_new_one(serve: Serve) -> None:
    first, second = (ids(post(serve)) for _ in range(2))
    assert first != second
    assert uuid.UUID(first[0]).version == 4
    assert first == (first[0], first[0], None)


def test_an_empty_id_counts_as_none(serve: Serve) -> None:
    own, legacy, _ = ids(post(serve, ("x-request-id", "")))
    assert uuid.UUID(own)
    assert legacy == own


def test_the_request_id_is_repeated(serve: Serve) -> None:
    assert ids(post(serve, ("x-request-id", "mine"))) == ("mine", "mine", None)


def test_the_clients_own_id_is_repeated_in_both_its_headers(serve: Serve) -> None:
    headers = [("x-request-id", "mine"), ("x-ms-client-request-id", "client")]
    assert ids(post(serve, *headers)) == ("mine", "client", "client")


def test_the_old_header_stands_for_the_clients_own_id(serve: Serve) -> None:
    assert ids(post(serve, ("x-request-id", "mine"), ("x-ms-request-id", "old"))) == ("mine", "old", "old")


def test_both_of_the_clients_headers_are_repeated(serve: Serve) -> None:
    headers = [("x-request-id", "mine"), ("x-ms-request-id", "old"), ("x-ms-client-request-id", "client")]
    assert ids(post(serve, *headers)) == ("mine", "old", "client")


def test_an_id_of_100_characters_is_taken(serve: Serve) -> None:
    assert post(serve, ("x-request-id", LONG[1:])).header("x-request-id") == LONG[1:]


def test_a_request_id_of_over_100_characters_is_a_431_without_it(serve: Serve) -> None:
    reply = post(serve, ("x-request-id", LONG), ("TraceId", "trace"))
    assert (reply.status, ids(reply)) == (431, (None, None, None))
    assert "x-request-id" in reply.message
    assert reply.header("TraceId") == "trace"


@pytest.mark.parametrize("name", ["x-ms-request-id", "x-ms-client-request-id"])
def test_a_client_id_of_over_100_characters_is_a_431_with_the_request_id(serve: Serve, name: str) -> None:
    reply = post(serve, ("x-request-id", "mine"), (name, LONG))
    assert (reply.status, ids(reply)) == (431, ("mine", None, None))
    assert name in reply.message


@pytest.mark.parametrize("path", ["/", "/score", "/swagger.json", "/nowhere"])
def test_every_path_answers_ids_trace_and_version(serve: Serve, path: str) -> None:
    reply = serve("text.py").get(path, [("x-request-id", "mine"), ("TraceId", "trace")])
    assert ids(reply) == ("mine", "mine", None)
    assert reply.header("TraceId") == "trace"
    assert reply.header("x-ms-server-version") == f"scoringhost/{__version__}"


def test_no_trace_id_is_made_up(serve: Serve) -> None:
    assert post(serve).header("TraceId") is None


def test_a_failing_run_answers_with_the_request_id(serve: Serve) -> None:
    reply = serve("acts.py").post("fail", [("x-request-id", "mine"), ("x-ms-client-request-id", "client")])
    assert (reply.status, ids(reply)) == (500, ("mine", "client", "client"))


def test_the_version_header_can_be_left_out(serve: Serve) -> None:
    client = serve("text.py", SERVER_VERSION_LOG_RESPONSE_ENABLED="false")
    assert client.get("/").header("x-ms-server-version") is None


def test_the_version_header_can_say_something_else(serve: Serve) -> None:
    client = serve("text.py", SERVER_VERSION_LOG_RESPONSE_ENABLED="false", HTTP_X_MS_SERVER_VERSION="mine/2")
    assert client.get("/").header("x-ms-server-version") == "mine/2"
