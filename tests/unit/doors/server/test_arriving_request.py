"""The limits of what arrives, given its bytes in such pieces as a busy machine hands out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.doors.server.connection_limits import Intake
from scoringhost.doors.server.http_reading import RequestReader
from scoringhost.errors import HeadersTooLarge
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.messages import HEADERS_LIMIT, HttpRequest

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


class Reader(RequestReader):
    """Keeps the requests that it is given."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(Intake(HttpApp([OtherEndpoints({})], Cors(None)), max_body=1_000_000), loop)
        self.requests: list[HttpRequest] = []

    def _take(self, request: HttpRequest, keep_alive: bool) -> None:
        self.requests.append(request)

    def _tell_to_go_on(self) -> None:
        raise AssertionError("nobody has asked")

    def _is_lost(self) -> bool:
        return False

    def _pause_reading(self) -> None:
        raise AssertionError("there is no guard to wait for")

    def _go_on(self) -> None:
        raise AssertionError("there is no guard to wait for")

    def _hands_over(self, rest: bytes) -> bool:
        return False


@pytest.fixture
def reader() -> Iterator[Reader]:
    loop = asyncio.new_event_loop()
    yield Reader(loop)
    loop.close()


def faults(reader: Reader) -> list[object]:
    return [request.fault for request in reader.requests if request.fault is not None]


# BUG: everything that was read together with the beginning of a head counted as that head: a 431.
@pytest.mark.parametrize("cut", [1, 10, len(GET)])
def test_what_comes_before_a_head_does_not_count_towards_its_size(reader: Reader, cut: int) -> None:
    body = b"x" * 200_000
    reader.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body + GET[:cut])
    reader.data_received(GET[cut:] + b"X: ")
    reader.data_received(b"y" * 1000 + b"\r\n\r\n")
    assert len(reader.requests) == 2
    assert not faults(reader)


@pytest.mark.parametrize("piece", [1000, 40_000, 300_000])
def test_a_head_that_does_not_end_is_refused(reader: Reader, piece: int) -> None:
    reader.data_received(GET + b"X: ")
    for _ in range(2 * HEADERS_LIMIT // piece + 2):
        reader.data_received(b"y" * piece)
    assert isinstance(faults(reader)[0], HeadersTooLarge)
