"""`/explain`: what a script's explain() says, at every door."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]
JSON = [("Content-Type", "application/json")]


def test_explain_takes_what_run_takes(serve: Serve) -> None:
    client = serve("explained.py")
    reply = client.send("POST", "/explain", JSON, b'{"rows": [[1, 3], [2, 2]]}')
    assert (reply.status, reply.json()) == (200, [[0.25, 0.75], [0.5, 0.5]])
    assert reply.header("x-ms-run-function-failed") == "False"
    assert client.send("POST", "/score", JSON, b'{"rows": [[1, 3]]}').json() == [4.0]


@pytest.mark.parametrize(
    ("headers", "body", "status", "message"),
    [
        (JSON, b'{"rows": [["a", 1]]}', 400, "parameter 'rows[0][0]': expected float64, got str ('a')"),
        (JSON, b"{}", 400, "A value is not provided for the 'rows' parameter; run() takes rows"),
        (JSON, b"{", 400, None),
        ([("Content-Type", "text/plain")], b"1", 415, None),
        (JSON, b'{"rows": [[-1, 3]]}', 500, None),
    ],
)
def test_what_cannot_be_explained_is_refused_as_by_score(
    serve: Serve, headers: list[tuple[str, str]], body: bytes, status: int, message: str | None
) -> None:
    client = serve("explained.py")
    reply = client.send("POST", "/explain", headers, body)
    assert (reply.status, message in (None, reply.message)) == (status, True), reply.body


def test_a_script_without_it_has_no_such_path(serve: Serve) -> None:
    assert serve("aml_numpy.py").send("POST", "/explain", JSON, b'{"data": []}').status == 404
