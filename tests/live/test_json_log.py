"""The log as JSON, of the real server: every line is an object, and what belongs to a request has its id."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

SCRIPT = """
import logging
import sys

def init():
    print("loading")

def run(raw_data):
    print("printed", raw_data, flush=True)
    logging.getLogger(__name__).info("logged %s", raw_data)
    if raw_data == "fail":
        raise ValueError("no good")
    return raw_data.upper()
"""
KEY = "0123456789abcdef"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "score.py"
    path.write_text(SCRIPT)
    return path


def test_every_line_is_an_object_and_those_of_a_request_have_its_id(start: Callable[..., Served], script: Path) -> None:
    served = start(script, SCORINGHOST_LOG_FORMAT="json", SCORINGHOST_PRIMARY_KEY=KEY).wait_answering()
    key = [("x-api-key", KEY)]
    served.ask("POST", "/score", headers=[*key, ("x-request-id", "good-one")], body=b"abc")
    served.ask("POST", "/score", headers=[*key, ("x-request-id", "bad-one")], body=b"fail")
    served.ask("POST", "/score", headers=[("x-request-id", "stranger")], body=b"abc")
    served.stop()
    lines: list[dict[str, Any]] = [json.loads(line) for line in served.log.text.splitlines()]
    assert {line["service"] for line in lines} == {"ML service"}

    good = [line for line in lines if line.get("request_id") == "good-one"]
    assert [line["message"] for line in good] == ["printed abc", "logged abc", "POST /score 200"]
    access = good[-1]
    assert access["caller"] == "primary"
    assert access["client"] == "127.0.0.1"
    assert access["route"] == "/score"
    assert (access["bytes_in"], access["bytes_out"], access["broken_off"]) == (3, 5, False)
    assert 0 < access["run_ms"] < access["total_ms"]
    assert {"wait_ms", "decode_ms", "encode_ms"} <= set(access)

    bad = [line for line in lines if line.get("request_id") == "bad-one"]
    (failure,) = [line for line in bad if line["level"] == "ERROR"]
    assert failure["message"].startswith("ValueError: no good (run() failed)\nTraceback")
    assert (bad[-1]["status"], bad[-1]["error"]) == (500, "RunFailed")

    (stranger,) = [line for line in lines if line.get("request_id") == "stranger" and "status" in line]
    assert (stranger["status"], stranger["error"]) == (401, "Unauthorized")
    assert "caller" not in stranger
    assert KEY not in served.log.text


def test_server_timing_says_how_long_the_stages_took(start: Callable[..., Served], script: Path) -> None:
    served = start(script, SCORINGHOST_SERVER_TIMING="true").wait_ready()
    reply = served.ask("POST", "/score", body=b"abc")
    said = next(value for name, value in reply.headers if name.lower() == "server-timing")
    number = r"\d+\.\d{3}"
    assert re.fullmatch(f"wait;dur={number}, decode;dur={number}, run;dur={number}, encode;dur={number}", said)
    assert not [name for name, _ in served.ask("GET", "/").headers if name.lower() == "server-timing"]
