"""Request ids, as azmlinfsrv has them."""

from __future__ import annotations

import uuid

import pytest

from scoringhost.http.messages import Headers
from scoringhost.http.request_ids import LIMIT, RequestIds, new_id, read_ids

OWN, LEGACY, CLIENT = "x-request-id", "x-ms-request-id", "x-ms-client-request-id"
LONG = "x" * (LIMIT + 1)


def read(**headers: str) -> RequestIds:
    return read_ids(Headers((name.replace("_", "-"), value) for name, value in headers.items()))


def test_new_ids_are_random_uuids_of_version_4() -> None:
    ids = [new_id() for _ in range(200)]
    assert len(set(ids)) == 200
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in ids} == {(4, uuid.RFC_4122)}
    assert all(str(uuid.UUID(one)) == one for one in ids)


def test_a_request_without_ids_gets_one() -> None:
    ids = read()
    assert uuid.UUID(ids.request)
    assert ids.pairs == [(OWN, ids.request), (LEGACY, ids.request)]


def test_a_request_keeps_its_id() -> None:
    assert read(x_request_id="mine").pairs == [(OWN, "mine"), (LEGACY, "mine")]


def test_an_empty_id_counts_as_none() -> None:
    assert uuid.UUID(read(x_request_id="").request)


def test_the_callers_own_id_is_answered_twice() -> None:
    ids = read(x_request_id="mine", x_ms_client_request_id="client")
    assert ids.pairs == [(OWN, "mine"), (LEGACY, "client"), (CLIENT, "client")]


def test_the_deprecated_id_stands_for_the_callers() -> None:
    ids = read(x_request_id="mine", x_ms_request_id="old")
    assert ids.pairs == [(OWN, "mine"), (LEGACY, "old"), (CLIENT, "old")]
    assert ids.deprecated


def test_the_callers_id_and_the_deprecated_one_may_differ() -> None:
    ids = read(x_request_id="mine", x_ms_request_id="old", x_ms_client_request_id="client")
    assert ids.pairs == [(OWN, "mine"), (LEGACY, "old"), (CLIENT, "client")]


def test_only_the_deprecated_header_is_deprecated() -> None:
    assert not read(x_ms_client_request_id="client").deprecated


@pytest.mark.parametrize("value", ["trace", ""])
def test_a_trace_id_is_repeated(value: str) -> None:
    assert ("TraceId", value) in read(traceid=value).pairs


@pytest.mark.parametrize("name", ["x_request_id", "x_ms_request_id", "x_ms_client_request_id"])
def test_an_id_of_the_greatest_length_is_taken(name: str) -> None:
    assert read(**{name: "x" * LIMIT}).fault is None


def test_an_id_that_is_too_long_is_refused_and_not_repeated() -> None:
    ids = read(x_request_id=LONG, traceid="t")
    assert ids.fault is not None
    assert "x-request-id must not exceed 100 characters" in str(ids.fault)
    assert ids.pairs == [("TraceId", "t")]


@pytest.mark.parametrize("name", ["x_ms_request_id", "x_ms_client_request_id"])
def test_a_callers_id_that_is_too_long_is_refused_under_the_id_of_the_request(name: str) -> None:
    ids = read(**{"x_request_id": "mine", name: LONG})
    assert "x-ms-request-id and x-ms-client-request-id must not exceed 100" in str(ids.fault)
    assert ids.pairs == [(OWN, "mine")]


# BUG: TraceId alone had no limit, and was repeated whatever its length.
def test_a_trace_id_that_is_too_long_is_refused_and_not_repeated() -> None:
    ids = read(x_request_id="mine", traceid=LONG)
    assert "TraceId must not exceed 100 characters" in str(ids.fault)
    assert ids.pairs == [(OWN, "mine"), (LEGACY, "mine")]
    assert read(traceid="x" * LIMIT).fault is None
    assert read(x_request_id=LONG, traceid=LONG).pairs == []
    assert read(x_ms_request_id=LONG, traceid=LONG).fault is not None
