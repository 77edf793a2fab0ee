"""Which coding a caller accepts, and what is worth packing."""

from __future__ import annotations

import os
import zlib

import pytest

from scoringhost.http.compressing import coding_for, packed


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "gzip"),
        ("deflate", "deflate"),
        ("gzip;q=0, deflate;q=0.5", "deflate"),
        ("*", "gzip"),
        ("identity", None),
        ("br;q=1.0, *;q=0", None),
        ("gzip; q=0.0", None),
    ],
)
def test_gzip_comes_before_deflate_and_what_is_refused_is_not_used(accepted: str, coding: str | None) -> None:
    assert coding_for(accepted) == coding


def test_only_what_is_large_and_shrinks_is_packed() -> None:
    assert packed(b"a" * 500, "gzip") is None
    assert packed(os.urandom(100_000), "gzip") is None
    for coding in ("gzip", "deflate"):
        body = packed(b"a" * 100_000, coding)
        assert body is not None
        assert len(body) < 1000
        assert zlib.decompress(body, 47) == b"a" * 100_000
