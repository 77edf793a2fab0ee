"""What only HTTP shows of the Functions door: the host's part in verbs, paths, headers, bodies and keys."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from scoringhost import __version__

if TYPE_CHECKING:
    from tests.conftest import Reply
    from tests.functions.conftest import RunningApp

Kept = Callable[..., "RunningApp"]
Run = Callable[..., "RunningApp"]

MIB = 1024 * 1024
RAW = Path(__file__).parent.parent / "conformance" / "scripts" / "raw.py"


def act(app: RunningApp, name: str, method: str = "POST") -> Reply:
    return app.ask(method, f"/score?act={quote(name)}")


# -- answers --------------------------------------------------------------------------------------


def test_a_500_keeps_its_body_and_its_headers(kept: Kept) -> None:
    reply = kept("acts.py").score("fail", ("x-request-id", "mine"))
    assert (reply.status, reply.header("x-request-id")) == (500, "mine")
    assert reply.header("x-ms-run-function-failed") == "True"
    assert "scoring script" in reply.message


def test_a_503_of_the_scripts_choice_keeps_its_body(kept: Kept) -> None:
    reply = act(kept("raw.py"), "unavailable")
    assert (reply.status, reply.json()) == (503, {"message": "warming up"})


def test_a_result_carries_the_headers_that_it_carries_elsewhere(kept: Kept) -> None:
    reply = kept("acts.py").score("number", ("x-ms-client-request-id", "client"), ("TraceId", "trace"))
    assert (reply.status, reply.body) == (200, b"1.5")
    assert reply.header("Content-Type") == "application/json"
    assert reply.header("Content-Length") == "3"
    assert reply.header("x-ms-client-request-id") == reply.header("x-ms-request-id") == "client"
    assert reply.header("TraceId") == "trace"
    assert reply.header("x-ms-server-version") == f"scoringhost/{__version__}"
    assert float(reply.header("x-ms-run-fn-exec-ms") or "none") >= 0


def test_repeated_headers_come_as_one_and_cookies_each_by_itself(kept: Kept) -> None:
    assert act(kept("raw.py"), "repeated").header("X-Part") == "a, b"
    cookies = act(kept("raw.py"), "cookies").all("Set-Cookie")
    assert [cookie.partition(";")[0] for cookie in cookies] == ["a=1", "b=2"]
    assert all("path=/" in cookie for cookie in cookies)  # the host's addition


def test_204_has_no_body(kept: Kept) -> None:
    reply = act(kept("raw.py"), "no content")
    assert (reply.status, reply.body) == (204, b"")


def test_binary_bodies_pass_both_ways(kept: Kept) -> None:
    reply = kept("raw.py").score(b"\x89PNG\x00\xff", ("Content-Type", "image/png"), target="/score?act=image")
    assert (reply.body, reply.header("Content-Type")) == (b"\xff\x00GNP\x89", "image/png")


# -- verbs and paths ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "PROPFIND"])
def test_a_verb_that_is_not_served_is_a_405_in_json(kept: Kept, method: str) -> None:
    reply = kept("text.py").ask(method, "/score", headers=[("x-request-id", "mine")])
    assert (reply.status, reply.header("Allow")) == (405, "GET, HEAD, OPTIONS, POST")
    assert (reply.header("x-request-id"), method in reply.message) == ("mine", True)


@pytest.mark.parametrize("target", ["/", "/swagger.json"])
def test_head_tells_the_length_and_sends_nothing(kept: Kept, target: str) -> None:
    app = kept("text.py")
    reply = app.ask("HEAD", target)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.header("Content-Length") == app.ask("GET", target).header("Content-Length")


@pytest.mark.parametrize(
    ("target", "status"),
    [("/score/", 404), ("/Score", 404), ("/score%2F", 404), ("/nowhere", 404), ("/score/x/y", 404), ("/%73core", 200)],
)
def test_a_path_means_what_it_means_elsewhere(kept: Kept, target: str, status: int) -> None:
    reply = kept("text.py").score("x", target=target)
    assert reply.status == status
    if status == 404:
        assert "/score" in reply.message


def test_the_host_takes_dot_segments_out_of_a_path(kept: Kept) -> None:
    assert kept("text.py").ask("GET", "/.").body == b"Healthy"
    assert kept("text.py").score("x", target="/a/../score").json()["text"] == "x"


def test_the_query_reaches_run_as_it_was_sent(kept: Kept) -> None:
    target = "/score?a=1&b=x%20y&a=2&empty=&code=7"
    seen = kept("raw.py").ask("GET", target, headers=[("Host", "models.example.com")]).json()
    assert seen["full_path"] == target
    assert seen["url"] == f"http://models.example.com{target}"
    assert seen["args"] == {"a": ["1", "2"], "b": ["x y"], "empty": [""], "code": ["7"]}


# -- bodies ---------------------------------------------------------------------------------------


def test_a_body_of_20_mb_is_scored(kept: Kept) -> None:
    reply = kept("text.py").score(b"x" * (20 * MIB))
    assert (reply.status, len(reply.json()["text"])) == (200, 20 * MIB)


def test_a_body_over_the_limit_is_a_413(kept: Kept) -> None:
    app = kept("text.py", max_body_mb=1)
    assert app.score(b"x" * MIB).status == 200
    reply = app.score(b"x" * (MIB + 1))
    assert (reply.status, str(MIB) in reply.message) == (413, True)


def test_a_chunked_body_is_a_411_and_not_taken_for_an_empty_one(kept: Kept) -> None:
    reply = kept("text.py").score(b"5\r\nhello\r\n0\r\n\r\n", ("Transfer-Encoding", "chunked"))
    assert (reply.status, reply.header("x-ms-run-function-failed")) == (411, "False")
    assert "Content-Length" in reply.message


def test_a_stream_comes_in_one_piece(kept: Kept) -> None:
    reply = kept("acts.py").score("words")
    assert (reply.status, reply.body.decode(), reply.header("Content-Length")) == (200, "one two grüße", "15")


# -- the worker lives on --------------------------------------------------------------------------


def test_sys_exit_in_run_is_a_500_and_the_worker_stays(kept: Kept) -> None:
    app = kept("acts.py")
    before = app.pids
    for script in ("leave", "press ctrl-c"):
        reply = app.score(script)
        assert (reply.status, reply.header("x-ms-run-function-failed")) == (500, "True")
    assert kept("async_acts.py").score("leave").status == 500
    assert app.score("number").status == 200
    assert app.pids == before


def test_a_thousand_good_and_bad_requests_leave_the_worker_as_it_was(kept: Kept) -> None:
    app = kept("acts.py")
    before = app.pids
    bad = {"unknown": 500, "fail": 500, "leave": 500, "refuse": 422, "set": 500, "fail after two": 500, "\udcff": 400}
    asked = list(itertools.islice(itertools.cycle(["number", *bad, "array", "words"]), 1000))
    wrong = []
    for text in asked:
        status = app.score(text.encode("utf-8", "surrogateescape")).status
        if status != bad.get(text, 200):
            wrong.append((text, status))
    assert wrong == []
    assert app.pids == before


# -- keys -----------------------------------------------------------------------------------------


def test_with_an_auth_level_scoring_needs_the_key_and_health_does_not(run: Run) -> None:
    app = run(RAW, "--auth", "--function-key", "secret", auth_level="function").wait_ready()
    assert app.ask("GET", "/").body == b"Healthy"
    assert app.ask("GET", "/score").status == 401
    assert app.ask("GET", "/swagger.json").status == 401
    with_header = app.ask("GET", "/score?a=1", headers=[("x-functions-key", "secret")])
    with_argument = app.ask("GET", "/score?code=secret&a=1")
    for reply in (with_header, with_argument):
        assert reply.status == 200
        assert json.loads(reply.body)["full_path"] == "/score?a=1"
    assert "secret" not in app.log.text.partition("READY")[2]
