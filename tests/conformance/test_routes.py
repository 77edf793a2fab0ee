"""Paths and methods: what is served where, and what is said of everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]


def test_health_is_the_word_healthy(serve: Serve) -> None:
    reply = serve("text.py").get("/")
    assert (reply.status, reply.body) == (200, b"Healthy")
    assert reply.header("Content-Type") == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/", "/swagger.json"])
def test_head_is_get_without_its_body(serve: Serve, path: str) -> None:
    client = serve("text.py")
    reply = client.send("HEAD", path, [], b"")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.header("Content-Length") == client.get(path).header("Content-Length")


def test_head_of_score_is_a_405(serve: Serve) -> None:
    reply = serve("text.py").send("HEAD", "/score", [], b"")
    assert (reply.status, reply.body) == (405, b"")


@pytest.mark.parametrize("path", ["/", "/score", "/swagger.json"])
def test_options_is_a_200_without_a_body(serve: Serve, path: str) -> None:
    reply = serve("text.py").send("OPTIONS", path, [], b"")
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize(
    "path", ["/nowhere", "/score/", "/Score", "/score/x", "/swagger", "/health", "/scor%65x", "/.", "/score%2F"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_any_other_path_is_a_404_in_json_with_request_ids(serve: Serve, method: str, path: str) -> None:
    reply = serve("text.py").send(method, path, [("x-request-id", "my-id")], b"")
    assert (reply.status, reply.header("Content-Type")) == (404, "application/json")
    assert "/score" in reply.message
    assert reply.header("x-request-id") == reply.header("x-ms-request-id") == "my-id"


def test_a_percent_encoded_path_is_the_same_path(serve: Serve) -> None:
    assert serve("text.py").send("POST", "/%73core", [], b"x").json()["text"] == "x"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/", "GET, HEAD, OPTIONS"),
        ("DELETE", "/", "GET, HEAD, OPTIONS"),
        ("PUT", "/score", "GET, HEAD, OPTIONS, POST"),
        ("PATCH", "/score", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/score", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/swagger.json", "GET, HEAD, OPTIONS"),
    ],
)
def test_any_other_method_is_a_405_in_json_with_allow_and_request_ids(
    serve: Serve, method: str, path: str, allowed: str
) -> None:
    reply = serve("text.py").send(method, path, [("x-request-id", "my-id")], b"")
    assert (reply.status, reply.header("Content-Type"), reply.header("Allow")) == (405, "application/json", allowed)
    assert method in reply.message
    assert reply.header("x-request-id") == "my-id"


def test_a_method_that_nobody_knows_is_a_405(serve: Serve) -> None:
    assert serve("text.py").send("BREW", "/score", [], b"").status == 405


def test_the_content_length_is_that_of_the_body(serve: Serve) -> None:
    reply = serve("text.py").post("grüße")
    assert reply.header("Content-Length") == str(len(reply.body))
