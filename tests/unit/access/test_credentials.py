"""Credentials: where a key may stand, and what of it is remembered."""

from __future__ import annotations

from typing import Any

import pytest

from scoringhost.access.credentials import Credentials
from scoringhost.access.keys import Keys
from scoringhost.errors import Unauthorized
from scoringhost.http.messages import Headers, HttpRequest
from scoringhost.settings import Secret

KEY = "0123456789abcdef-key"
MATCH: Any = None


def caller(guard: Credentials, **headers: str) -> str:
    head = HttpRequest(
        "POST", "/score", headers=Headers((name.replace("_", "-"), value) for name, value in headers.items())
    )
    assert guard.check(head, MATCH) is None
    return head.caller


def test_a_key_is_let_in_however_it_is_sent_and_as_often() -> None:
    guard = Credentials(Keys({"primary": Secret(KEY)}), None)
    for _ in range(2):
        assert caller(guard, authorization=f"Bearer {KEY}") == "primary"
        assert caller(guard, authorization=f"bearer   {KEY} ") == "primary"
        assert caller(guard, x_api_key=KEY) == "primary"
        assert caller(guard, authorization=f"Basic {KEY}", x_api_key=KEY) == "primary"


def test_what_stands_beside_a_key_is_none_itself() -> None:
    guard = Credentials(Keys({"primary": Secret(KEY)}), None)
    assert caller(guard, authorization=f"Basic {KEY}", x_api_key=KEY) == "primary"
    for headers in ({"authorization": f"Basic {KEY}"}, {"authorization": ""}, {}, {"authorization": f"Bearer {KEY}x"}):
        with pytest.raises(Unauthorized):
            caller(guard, **headers)
