from __future__ import annotations

from urllib.parse import unquote

import pytest
from hpack import Decoder

from scoringhost.doors.grpc import replies
from scoringhost.http.errors import ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.error.__name__)
def test_every_error_has_a_number(row: object) -> None:
    assert replies.CODES[row.grpc] > 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["plain", "100 %", "zwei\nZeilen: é €", "\ud800 alone", "", "~!@#$^&*()"])
def test_any_text_can_be_said(text: str) -> None:
    block = replies.status("INTERNAL", text, [("x-a", "1")])
    said = {str(name): str(value) for name, value in Decoder().decode(block)}

    assert said["grpc-status"] == "13"
    assert said["x-a"] == "1"
    assert unquote(said.get("grpc-message", "")) == text.replace("\ud800", "?")
    assert said.get("grpc-message", "").isascii()


def test_the_size_of_a_message_stands_before_it() -> None:
    assert replies.prefix(258) == b"\0\0\0\1\2"
