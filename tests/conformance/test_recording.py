"""What is kept of requests is the same at every door."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]
JSON = [("Content-Type", "application/json")]


@pytest.fixture
def folder(tmp_path: Path, door: str) -> Path:
    """Where things are kept."""
    if door == "container":
        pytest.skip("a container's user cannot write there")
    return tmp_path


def records(folder: Path, count: int) -> list[dict[str, Any]]:
    """So many records, once they are there: they are written a moment after the answer."""
    deadline_s, pause = time.monotonic() + 30, threading.Event()
    while True:
        files = [path for path in folder.rglob("[!.]*") if path.is_file()]
        found = [json.loads(line) for path in sorted(files) for line in path.read_bytes().splitlines(keepends=True)
                 if line.endswith(b"\n")]  # fmt: skip
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline_s, f"there are {len(found)} of {count}"
        pause.wait(0.02)


def test_requests_and_answers_are_collected(serve: Serve, folder: Path) -> None:
    client = serve("standard.py", collect_to=str(folder), primary_key="s3cr3t")
    key = [("Authorization", "Bearer s3cr3t")]
    body = b'{"name": "a", "n": 12345678901234567890123}'
    replies = [client.send("POST", f"/score?at={at}", [*JSON, *key], body) for at in range(2)]
    assert client.send("POST", "/score", JSON, body).status == 401
    assert client.get("/", key).status == 200
    found = records(folder, 2)
    assert len(found) == 2
    for at, (record, reply) in enumerate(zip(found, replies, strict=True)):
        assert record["path"] == f"/score?at={at}"
        assert (record["request_form"], record["request_body"]) == ("text", body.decode()), "to the last digit"
        assert record["status"] == reply.status
        assert record["id"] == reply.header("x-request-id")
        assert record["caller"] == "primary"
        assert "s3cr3t" not in json.dumps(record)


def test_a_stream_is_collected_whole(serve: Serve, folder: Path) -> None:
    client = serve("generator.py", collect_to=str(folder))
    reply = client.score(count=3)
    (record,) = records(folder, 1)
    assert record["status"] == reply.status == 200, reply.body
    assert record["response_body"].encode() == reply.body
    assert record["response_cut"] is False


def test_a_failure_is_recorded(serve: Serve, folder: Path) -> None:
    client = serve("acts.py", record_failures=str(folder))
    assert client.score(act="raise").status == 500
    (record,) = records(folder, 1)
    assert (record["reason"], record["status"], record["request_body"]) == ("failed", 500, {"act": "raise"})
