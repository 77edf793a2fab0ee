"""Request bodies as they were before the caller packed them."""

from __future__ import annotations

import contextlib
import gzip
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoringhost.errors import BodyTooLarge, UndecodableBody, UnsupportedContentEncoding
from scoringhost.http.bodies import unpacked
from scoringhost.http.messages import Headers, HttpRequest

LIMIT = 1_000_000


def unpack(body: bytes, coding: str | None = "gzip", limit: int = LIMIT) -> bytes:
    headers = Headers([("content-encoding", coding)] if coding is not None else [])
    return unpacked(HttpRequest("POST", "/score", headers=headers, body=body), limit)


@pytest.mark.parametrize("coding", [None, "", "identity", " Identity "])
def test_a_body_that_is_not_packed_stays_as_it_is(coding: str | None) -> None:
    assert unpack(b"\x1f\x8b as it is", coding) == b"\x1f\x8b as it is"


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", " gzip "])
@given(body=st.binary(max_size=2000))
def test_gzip_is_unpacked(coding: str, body: bytes) -> None:
    assert unpack(gzip.compress(body), coding) == body


def test_deflate_is_unpacked() -> None:
    assert unpack(zlib.compress(b"hello"), "deflate") == b"hello"


def test_an_empty_body_is_empty_whatever_its_coding() -> None:
    assert unpack(b"") == b""


def test_gzip_in_several_parts_is_one_body() -> None:
    assert unpack(gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two")) == b"one two"


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "gzip,gzip"])
def test_another_coding_is_named_and_refused(coding: str) -> None:
    with pytest.raises(UnsupportedContentEncoding, match=f"'{coding}' is not supported"):
        unpack(b"x", coding)


def test_a_body_that_is_not_what_it_says_is_refused() -> None:
    with pytest.raises(UndecodableBody, match="The body is not gzip"):
        unpack(b'{"a": 1}')


@given(st.integers(1, 60))
def test_a_body_that_is_cut_off_is_refused(missing: int) -> None:
    packed = gzip.compress(bytes(range(256)) * 2)
    with pytest.raises(UndecodableBody, match="cut off"):
        unpack(packed[: -min(missing, len(packed) - 1)])


def test_a_wrong_checksum_is_refused() -> None:
    packed = gzip.compress(b"hello")
    with pytest.raises(UndecodableBody):
        unpack(packed[:-8] + b"\0\0\0\0" + packed[-4:])


def test_something_behind_the_end_is_refused() -> None:
    with pytest.raises(UndecodableBody):
        unpack(gzip.compress(b"hello") + b"and more")


@pytest.mark.parametrize(("size", "fits"), [(999, True), (1000, True), (1001, False), (10_000_000, False)])
def test_the_limit_holds_for_the_unpacked_body(size: int, fits: bool) -> None:
    packed = gzip.compress(bytes(size))
    if fits:
        assert len(unpack(packed, limit=1000)) == size
    else:
        with pytest.raises(BodyTooLarge, match="1000 bytes"):
            unpack(packed, limit=1000)


def test_the_limit_holds_for_all_parts_together() -> None:
    with pytest.raises(BodyTooLarge):
        unpack(gzip.compress(bytes(600)) * 2, limit=1000)


def test_very_many_empty_parts_do_not_take_for_ever() -> None:
    # Copying what is behind each part makes the time grow with the square of their number.
    started_s = time.thread_time()  # what other processes compute meanwhile does not count
    with contextlib.suppress(UndecodableBody, BodyTooLarge):
        unpack(gzip.compress(b"") * 60_000)
    assert time.thread_time() - started_s < 2.0
