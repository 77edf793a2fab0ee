"""A job's message, and the document that tells what became of it."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoringhost.dialects.jobs import MESSAGE_LIMIT, Job, UnreadableMessage, failed, finished, is_id, pending
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse

ID = "0" * 32


def job_of(body: bytes, **headers: str) -> Job:
    pairs = ((name.replace("_", "-"), value) for name, value in headers.items())
    return Job.of(HttpRequest("POST", "/jobs", b"a=1&b=%20", Headers(pairs), body), "mine")


@given(st.binary(max_size=2000))
def test_a_job_survives_its_message(body: bytes) -> None:
    job = job_of(body, content_type="application/json")
    message = job.message()
    assert message is not None
    assert Job.read(message.encode()) == job


def test_what_is_scored_is_the_request_without_its_secrets() -> None:
    job = job_of(
        b"x", content_type="text/plain", authorization="Bearer x", cookie="a", x_functions_key="k", traceid="t"
    )
    request = job.request(b"x")
    assert (request.method, request.path, request.query, request.body) == ("POST", "/score", b"a=1&b=%20", b"x")
    assert dict(request.headers) == {
        "content-type": "text/plain",
        "traceid": "t",
        "x-request-id": "mine",
        "content-length": "1",
    }


def test_a_body_that_is_too_large_for_a_message_is_left_out_of_it() -> None:
    job = job_of(b"x" * MESSAGE_LIMIT)
    assert job.message() is None
    small = job.without_body()
    assert Job.read((small.message() or "").encode()) == small
    assert small.body is None


def test_a_message_fits_into_a_storage_queue_when_it_is_written_as_base64() -> None:
    largest = max((job_of(b"x" * size).message() or "" for size in range(36_000, 37_500, 7)), key=len)
    assert len(largest) > MESSAGE_LIMIT - 50
    assert len(base64.b64encode(largest.encode())) <= 64 * 1024


@pytest.mark.parametrize(
    "message",
    [
        b"", b"no json", b"[]", b"7", b'{"id": "x"}', b"\xff",
        json.dumps({"id": "../x", "query": "", "headers": {}, "body": None}).encode(),
        json.dumps({"id": ID, "query": "", "headers": [], "body": None}).encode(),
        json.dumps({"id": ID, "query": "", "headers": {}, "body": "%%"}).encode(),
    ],
)  # fmt: skip
def test_a_message_of_somebody_elses_is_refused_with_a_reason(message: bytes) -> None:
    with pytest.raises(UnreadableMessage) as refused:
        Job.read(message)
    assert str(refused.value)


def test_ids_are_new_and_can_be_told_from_anything_else() -> None:
    assert job_of(b"").id != job_of(b"").id
    assert is_id(job_of(b"").id)
    assert [text for text in ("", "x", ID + "\n", ID.replace("0", "g"), "../" + ID[3:]) if is_id(text)] == []


@pytest.mark.parametrize(
    ("status", "kind", "body", "expected"),
    [
        (200, "application/json", b'{"a": 1.50}', {"state": "done", "result": {"a": 1.5}}),
        (200, "text/plain; charset=utf-8", "grüße".encode(), {"state": "done", "result": "grüße"}),
        (200, "image/png", b"\xff", {"state": "done", "result": {"content_type": "image/png", "base64": "/w=="}}),
        (204, "application/json", b"", {"state": "done", "result": ""}),
        (400, "application/json", b'{"message": "why"}', {"state": "error", "error": {"message": "why"}}),
    ],
)
def test_the_document_holds_what_score_answered(
    status: int, kind: str, body: bytes, expected: dict[str, object]
) -> None:
    document = finished(ID, HttpResponse(status, [("Content-Type", kind)]), body)
    assert json.loads(document) == {"id": ID, "status": status, **expected}


def test_a_job_that_was_not_scored_says_why() -> None:
    assert json.loads(pending(ID)) == {"id": ID, "state": "pending"}
    assert json.loads(failed(ID, "why")) == {"id": ID, "state": "error", "status": 500, "error": {"message": "why"}}
