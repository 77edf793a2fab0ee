"""@rawhttp: run() gets Flask's request and answers with a response of its choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client
    from tests.conftest import Reply

Serve = Callable[..., "Client"]

FORM = [("Content-Type", "application/x-www-form-urlencoded")]
MULTIPART = [("Content-Type", "multipart/form-data; boundary=cut")]
PARTS = (
    b"--cut\r\n"
    b'Content-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    b"--cut\r\n"
    b'Content-Disposition: form-data; name="image"; filename="cat.png"\r\n'
    b"Content-Type: image/png\r\n\r\nbytes\r\n"
    b"--cut--\r\n"
)


def act(
    serve: Serve, name: str, body: bytes = b"", headers: list[tuple[str, str]] | None = None, method: str = "POST"
) -> Reply:
    return serve("raw.py").send(method, f"/score?act={quote(name)}", headers or [], body)


# -- the request ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
def test_run_sees_the_request_as_it_came(serve: Serve, method: str) -> None:
    headers = [("X-Own", "grüße"), ("Content-Type", "text/plain; charset=utf-8"), ("Host", "models.example.com:8080")]
    body = b"\x00\xffbody" if method == "POST" else b""
    client = serve("raw.py")
    seen = client.send(method, "/score?a=1&b=x%20y&a=2", headers, body).json()
    assert seen == {
        "is AMLRequest": True,
        "method": method,
        "path": "/score",
        "full_path": "/score?a=1&b=x%20y&a=2",
        "url": f"http://models.example.com:8080{client.mount}/score?a=1&b=x%20y&a=2",
        "args": {"a": ["1", "2"], "b": ["x y"]},
        "header": "grüße",
        "mimetype": "text/plain",
        "length": len(body) if method == "POST" else None,
        "body": body.decode("latin-1"),
        "data": body.decode("latin-1"),
    }


def test_run_reads_the_fields_of_a_form(serve: Serve) -> None:
    answer = act(serve, "form", b"a=1&b=x+y&a=2", FORM).json()
    assert answer == {"form": {"a": ["1", "2"], "b": ["x y"]}, "files": {}}


def test_run_reads_the_files_of_a_multipart_form(serve: Serve) -> None:
    answer = act(serve, "form", PARTS, MULTIPART).json()
    assert answer == {"form": {"note": ["hello"]}, "files": {"image": ["cat.png", "bytes"]}}


def test_run_reads_json(serve: Serve) -> None:
    body, headers = b'{"a": [1]}', [("Content-Type", "application/json")]
    assert act(serve, "json", body, headers).json() == {"json": {"a": [1]}, "again": {"a": [1]}}


@pytest.mark.parametrize(("body", "kind", "status"), [(b"{", "application/json", 400), (b"{}", "text/plain", 415)])
def test_bad_json_is_the_callers_fault(serve: Serve, body: bytes, kind: str, status: int) -> None:
    reply = act(serve, "json", body, [("Content-Type", kind)])
    assert (reply.status, reply.header("x-ms-run-function-failed")) == (status, "False")
    assert reply.message


def test_flasks_own_objects_work_within_run(serve: Serve) -> None:
    assert act(serve, "flask").json() == {"same": "flask", "body": 1}


# -- the response ---------------------------------------------------------------------------------


def test_text_is_sent_as_it_is(serve: Serve) -> None:
    reply = act(serve, "text")
    assert (reply.status, reply.body) == (200, b"plain")
    assert reply.header("Content-Type") == "text/html; charset=utf-8"


def test_status_and_headers_are_the_scripts_and_commas_repeat_a_header(serve: Serve, door: str) -> None:
    reply = act(serve, "repeated")
    parts = ["a, b"] if door == "functions" else ["a", "b"]  # the same by RFC 9110, 5.3
    assert (reply.status, reply.body, reply.all("X-Part")) == (201, b"made", parts)
    assert (reply.header("Content-Language"), reply.header("X-Number")) == ("de", "5")


def test_repeated_headers_of_a_flask_response_are_all_sent(serve: Serve, door: str) -> None:
    reply = act(serve, "cookies")
    assert (reply.status, reply.body) == (202, b"set")
    expires = "expires" if door == "functions" else "Expires"  # the Functions host writes cookies anew
    assert reply.all("Set-Cookie") == [f"a=1; {expires}=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"]


def test_binary_bodies_pass_both_ways_with_one_content_type(serve: Serve) -> None:
    reply = act(serve, "image", b"\x89PNG\x00\xff", [("Content-Type", "image/png")])
    assert (reply.body, reply.header("Content-Type")) == (b"\xff\x00GNP\x89", "image/png")


@pytest.mark.parametrize(
    ("name", "body"), [("as json", {"a": [1]}), ("text as json", "quoted"), ("dict", {"plain": True})]
)
def test_objects_are_sent_as_json(serve: Serve, name: str, body: object) -> None:
    reply = act(serve, name)
    assert (reply.json(), reply.header("Content-Type")) == (body, "application/json")


def test_plain_bytes_are_sent_as_they_are(serve: Serve) -> None:
    reply = act(serve, "bytes")
    assert (reply.body, reply.header("Content-Type")) == (b"\x00\xff", "application/octet-stream")


def test_204_has_neither_body_nor_length(serve: Serve) -> None:
    reply = act(serve, "no content")
    assert (reply.status, reply.body, reply.header("Content-Length")) == (204, b"", None)


def test_a_redirect_is_passed_on(serve: Serve) -> None:
    reply = act(serve, "redirect")
    assert (reply.status, reply.header("Location")) == (307, "https://example.com/elsewhere")


def test_a_5xx_of_the_scripts_choice_is_marked_as_its_failure(serve: Serve) -> None:
    reply = act(serve, "unavailable")
    assert (reply.status, reply.json()) == (503, {"message": "warming up"})
    assert reply.header("x-ms-run-function-failed") == "True"


def test_the_script_can_blame_itself(serve: Serve) -> None:
    assert act(serve, "blamed").header("x-ms-run-function-failed") == "True"


def test_a_response_that_the_script_keeps_collects_nothing(serve: Serve) -> None:
    act(serve, "kept", headers=[("TraceId", "of somebody else"), ("x-request-id", "first")])
    reply = act(serve, "kept", headers=[("x-request-id", "second")])
    assert (reply.body, reply.header("x-request-id"), reply.header("TraceId")) == (b"kept", "second", None)
    assert reply.header("x-ms-run-fn-exec-ms")
    assert reply.header("x-ms-server-version")


def test_an_abort_has_its_own_status(serve: Serve) -> None:
    reply = act(serve, "abort")
    assert (reply.status, reply.header("Content-Type")) == (418, "application/json")


def test_an_abort_with_a_response_sends_that_response(serve: Serve) -> None:
    reply = act(serve, "abort with response")
    assert (reply.status, reply.body, reply.header("X-Own")) == (409, b"own", "1")


def test_a_streamed_response_is_streamed(serve: Serve, door: str) -> None:
    reply = act(serve, "streamed")
    length = "7" if door == "functions" else None
    assert (reply.body, reply.header("Content-Length"), reply.whole) == (b"one two", length, True)


def test_a_streamed_response_that_breaks_is_visibly_cut_off(serve: Serve, door: str) -> None:
    reply = act(serve, "broken stream")
    if door == "functions":  # nothing has been sent yet
        assert (reply.status, reply.header("x-ms-run-function-failed")) == (500, "True")
        assert "scoring script" in reply.message
    else:
        assert (reply.status, reply.body, reply.whole) == (200, b"one two ", False)


def test_head_runs_the_script_and_sends_no_body(serve: Serve) -> None:
    reply = act(serve, "repeated", method="HEAD")
    assert (reply.status, reply.body) == (201, b"")


def test_a_stream_can_use_the_request_all_the_way(serve: Serve) -> None:
    for _ in range(40):  # short calls, so that the next one is begun where the event loop is, if that can be
        assert act(serve, "bytes").status == 200
    reply = act(serve, "streamed with context")
    assert reply.body.decode() == "".join(f"{place} of streamed with context\n" for place in range(3))
    assert reply.whole
