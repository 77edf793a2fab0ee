"""A service that is not there yet: every endpoint says why."""

from __future__ import annotations

import asyncio

import pytest

from scoringhost.dialects.azureml import AzureMl
from scoringhost.dialects.unready import Unready
from scoringhost.errors import InitFailed, NotReady, ScoringHostError
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.messages import HttpRequest


def ask(error: ScoringHostError, method: str, path: str) -> int:
    app = HttpApp([Unready(error)], Cors(None))
    return asyncio.run(app.handle(HttpRequest(method, path))).status


@pytest.mark.parametrize(
    ("error", "status"), [(NotReady("starting"), 503), (InitFailed("score.py", ValueError(), ""), 500)]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/score"), ("GET", "/swagger.json")])
def test_every_endpoint_answers_the_error(error: ScoringHostError, status: int, method: str, path: str) -> None:
    assert ask(error, method, path) == status


@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/readyz", 503), ("/startupz", 503)])
def test_what_is_starting_is_live_and_no_more(path: str, status: int) -> None:
    assert ask(NotReady("starting"), "GET", path) == status


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz"])
def test_what_cannot_start_is_not_even_live(path: str) -> None:
    assert ask(InitFailed("score.py", ValueError(), ""), "GET", path) == 500


def test_other_paths_and_methods_are_what_they_are_later() -> None:
    assert ask(NotReady("starting"), "GET", "/nowhere") == 404
    assert ask(NotReady("starting"), "PUT", "/score") == 405


def test_the_endpoints_and_what_of_them_is_logged_are_those_of_the_dialect() -> None:
    dialect = AzureMl(None, {}, None, 1).endpoints()  # type: ignore[arg-type]
    unready = Unready(NotReady("x")).endpoints()
    described = [
        {path: (set(one.methods), one.logged, one.is_open) for path, one in found.items()}
        for found in (dialect, unready)
    ]
    assert described[0] == described[1]


def test_an_error_that_is_answered_many_times_does_not_grow() -> None:
    error = NotReady("starting")
    lengths = []
    for _ in range(3):
        ask(error, "GET", "/")
        trace, length = error.__traceback__, 0
        while trace is not None:
            trace, length = trace.tb_next, length + 1
        lengths.append(length)
    assert len(set(lengths)) == 1
