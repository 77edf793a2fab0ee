"""LargeBody: the pieces of a large body in one block."""

from __future__ import annotations

import tracemalloc

from scoringhost.doors.server.large_body import LEAST, LargeBody

PIECE = bytes(range(256)) * 1024


def test_it_is_the_pieces_one_after_the_other() -> None:
    body = LargeBody([b"first", b"second"])
    count = LEAST // len(PIECE) + 1
    for _ in range(count):
        body.append(PIECE)
    assert len(body) == 11 + count * len(PIECE)
    assert b"".join(body) == b"firstsecond" + count * PIECE


def test_a_body_smaller_than_its_block_is_cut() -> None:
    body = LargeBody([b"first"])
    body.append(b"second")
    assert b"".join(body) == b"firstsecond"


def test_the_whole_body_is_the_block_itself_and_no_copy() -> None:
    count = 2 * LEAST // len(PIECE)
    tracemalloc.start()
    try:
        body = LargeBody([])
        for _ in range(count):
            body.append(PIECE)
        whole = b"".join(body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(whole) == 2 * LEAST
    assert most < 1.3 * len(whole)
