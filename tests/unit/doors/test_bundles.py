"""Frames of bundles: what is written is read, however it comes."""

from __future__ import annotations

import pytest

from scoringhost.doors import bundles


@pytest.mark.parametrize("step", [1, 7, 1000, 10**7])
def test_frames_are_read_however_they_are_cut(step: int) -> None:
    large = bytes(range(256)) * 4_000
    data = (
        bundles.call(1, b"/path\r\na: b\r\n", b"", b"message")
        + bundles.frame(bundles.CANCEL, 1)
        + bundles.answer_head(2**40, 200, b"c: d\r\n", len(large))
        + large
        + bundles.frame(bundles.LEAVE)
    )
    data = data if step > 1 else data[:80]
    reader = bundles.FrameReader()
    found = [one for at in range(0, len(data), step) for one in reader.feed(data[at : at + step])]

    assert found[0][:2] == (bundles.CALL, 1)
    assert bundles.read_call(found[0][2]) == (b"/path\r\na: b\r\n", b"", b"message")
    assert found[1] == (bundles.CANCEL, 1, b"")
    if step > 1:
        assert found[2][:2] == (bundles.ANSWER, 2**40)
        assert bundles.read_answer(found[2][2]) == (200, b"c: d\r\n", large)
        assert found[3:] == [(bundles.LEAVE, 0, b"")]


def test_header_lines_are_read_with_names_in_lower_case() -> None:
    lines = bundles.lines_of([("X-A", "1"), ("x-b", "é: 2")])
    assert bundles.pairs_of(lines) == [("x-a", "1"), ("x-b", "é: 2")]
    assert bundles.pairs_of(b"") == []
