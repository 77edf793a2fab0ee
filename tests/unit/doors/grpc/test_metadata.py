from __future__ import annotations

import grpc
import pytest

from scoringhost.doors.grpc.metadata import headers_of, metadata_of, seconds_of
from scoringhost.http.errors import ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.error.__name__)
def test_every_error_has_a_code_of_grpc(row: object) -> None:
    assert grpc.StatusCode[row.grpc] is not grpc.StatusCode.OK  # type: ignore[attr-defined]


def test_metadata_become_headers_repeated_ones_joined_and_bytes_in_base64() -> None:
    headers = headers_of([("a", "1"), ("a", "2"), ("b-bin", "AAE"), ("c-bin", "no base64!")])

    assert headers == {"a": "1,2", "b-bin": "AAE=", "c-bin": "no base64!"}


def test_headers_that_grpc_would_not_take_are_left_out() -> None:
    headers = [("X-A", "1"), ("grpc-status", "x"), ("Content-Type", "x"), ("x b", "1"), ("x-c", "é"), ("x-d-bin", "1")]

    assert metadata_of(headers) == (("x-a", "1"),)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1S", 1.0), ("250m", 0.25), ("99999999u", 99.999999), ("2H", 7200.0), ("1M", 60.0), ("5n", 5e-9),
     ("", None), ("1", None), ("S", None), ("-1S", None), ("123456789S", None), ("1s", None)],
)  # fmt: skip
def test_how_long_a_caller_waits(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds
