from __future__ import annotations

import grpc
import pytest

from scoringhost.doors.grpc.metadata import client_of, headers_of, metadata_of
from scoringhost.http.errors import ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.error.__name__)
def test_every_error_has_a_code_of_grpc(row: object) -> None:
    assert grpc.StatusCode[row.grpc] is not grpc.StatusCode.OK  # type: ignore[attr-defined]


def test_metadata_become_headers_repeated_ones_joined_and_bytes_in_base64() -> None:
    headers = headers_of([("a", "1"), ("a", "2"), ("b-bin", b"\0\1")])

    assert headers == {"a": "1,2", "b-bin": "AAE="}


def test_headers_that_grpc_would_not_take_are_left_out() -> None:
    headers = [("X-A", "1"), ("grpc-status", "x"), ("Content-Type", "x"), ("x b", "1"), ("x-c", "é"), ("x-d-bin", "1")]

    assert metadata_of(headers) == (("x-a", "1"),)


@pytest.mark.parametrize(
    ("peer", "client"),
    [("ipv4:1.2.3.4:5", "1.2.3.4"), ("ipv6:%5B::1%5D:5", "::1"), ("ipv6:[::1]:5", "::1"), ("unix:/x", None)],
)
def test_the_address_of_a_caller(peer: str, client: str | None) -> None:
    assert client_of(peer) == client
