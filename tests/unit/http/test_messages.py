"""HttpRequest, HttpResponse and Headers."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoringhost.http.messages import Headers, HttpRequest, HttpResponse, close_body

tokens = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=12)


def query(text: bytes) -> list[tuple[str, str]]:
    return HttpRequest("GET", "/score", text).arguments


# -- headers --------------------------------------------------------------------------------------


def test_a_header_is_found_by_its_name_in_lower_case() -> None:
    headers = Headers([("content-type", "text/plain")])
    assert headers.get("content-type") == "text/plain"
    assert headers.get("accept") is None
    assert headers.get("accept", "*/*") == "*/*"


def test_repeated_headers_are_joined_by_a_comma() -> None:
    assert Headers.of([("a", "1"), ("b", "2"), ("a", "3")]).get("a") == "1,3"


def test_headers_are_listed_in_the_order_they_came() -> None:
    assert list(Headers.of([("b", "2"), ("a", "1"), ("b", "3")]).items()) == [("b", "2,3"), ("a", "1")]


def test_raw_headers_are_latin_1_without_space_around() -> None:
    assert Headers.from_raw([(b"a", b" \tcaf\xe9 ")]).get("a") == "café"


def test_run_gets_headers_in_title_case() -> None:
    headers = Headers([("x-ms-client-request-id", "1"), ("host", "h"), ("etag", "e")])
    assert headers.titled() == {"X-Ms-Client-Request-Id": "1", "Host": "h", "Etag": "e"}


def test_run_gets_no_header_with_an_underscore() -> None:
    assert Headers([("x_evil", "1"), ("x-good", "2")]).titled() == {"X-Good": "2"}


@given(st.lists(st.tuples(tokens, tokens), max_size=6))
def test_no_value_is_lost(pairs: list[tuple[str, str]]) -> None:
    headers = Headers.of(pairs)
    for name, _ in pairs:
        assert headers.get(name) == ",".join(value for key, value in pairs if key == name)


# -- queries --------------------------------------------------------------------------------------


def test_the_query_is_pairs_in_their_order() -> None:
    assert query(b"b=2&a=1&b=3") == [("b", "2"), ("a", "1"), ("b", "3")]


def test_blank_values_are_kept() -> None:
    assert query(b"a=&b") == [("a", ""), ("b", "")]


def test_percent_and_plus_are_decoded() -> None:
    assert query(b"a%20b=c+d%2Be&%C3%A9=%E2%82%AC") == [("a b", "c d+e"), ("é", "€")]


def test_escaped_bytes_that_are_not_utf_8_stay_escaped() -> None:
    assert query(b"a=%ff%C3%A9") == [("a", "%FFé")]


@pytest.mark.parametrize(("raw", "value"), [("é".encode(), "é"), ("€".encode(), "€"), (b"\xff", "%FF")])
def test_bytes_that_came_unescaped_are_utf_8_too(raw: bytes, value: str) -> None:
    # curl 'http://.../score?name=é' sends é as it is.
    assert query(b"a=" + raw) == [("a", value)]


def test_the_first_of_several_arguments_counts() -> None:
    request = HttpRequest("GET", "/", b"version=3&version=2")
    assert request.argument("version") == "3"
    assert request.argument("other") is None


@given(st.binary(max_size=40))
def test_any_query_can_be_read(text: bytes) -> None:
    assert isinstance(query(text), list)


def test_a_request_has_nobody_leaving_by_default() -> None:
    assert not HttpRequest("GET", "/").abandoned()


# -- responses ------------------------------------------------------------------------------------


def test_a_response_header_is_found_by_any_spelling() -> None:
    response = HttpResponse(200, [("Content-Type", "a"), ("content-type", "b")])
    assert response.first("CONTENT-TYPE") == "a"
    assert response.first("vary") is None


def test_replacing_a_header_leaves_one_of_it() -> None:
    response = HttpResponse(200, [("X-Id", "1"), ("Vary", "v"), ("x-id", "2")])
    response.replace("x-ID", "3")
    assert response.headers == [("Vary", "v"), ("x-ID", "3")]


# -- closing a body -------------------------------------------------------------------------------


class Pieces:
    """A streamed body that knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> bytes:
        return b"piece"

    async def aclose(self) -> None:
        self.closed += 1


def test_a_streamed_body_is_closed() -> None:
    body = Pieces()
    asyncio.run(close_body(body))
    assert body.closed == 1


def test_bytes_and_an_iterator_without_an_end_of_its_own_need_no_closing() -> None:
    class Endless:
        def __aiter__(self) -> Endless:
            return self

        async def __anext__(self) -> bytes:
            return b""

    asyncio.run(close_body(b"whole"))
    asyncio.run(close_body(Endless()))
