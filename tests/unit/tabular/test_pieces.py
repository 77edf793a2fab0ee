"""The size of pieces; that the pieces themselves are right is shown where they are read, in batch/test_reading.py."""

from __future__ import annotations

import pytest

from scoringhost.tabular.pieces import Size


@pytest.mark.parametrize(
    ("text", "size"), [("7", Size(7)), ("10MB", Size(10 * 2**20, True)), ("1 kb", Size(1024, True))]
)
def test_a_size_is_a_number_of_items_or_of_bytes(text: str, size: Size) -> None:
    assert Size.parse(text) == size


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "MB", "", "10TB", "ten"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a number of items"):
        Size.parse(text)
