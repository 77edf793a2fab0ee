"""Routes: from method and path to what answers them."""

from __future__ import annotations

import pytest

from scoringhost.errors import MethodNotAllowed, UnknownRoute
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint, Routes


async def get(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [])


async def post(request: HttpRequest) -> HttpResponse:
    return HttpResponse(201, [])


SCORE = Endpoint({"POST": post, "GET": get})
ROUTES = Routes({"/score": SCORE, "/": Endpoint({"GET": get}, logged=False)})


def test_a_path_leads_to_its_endpoint() -> None:
    assert ROUTES.find("/score") is SCORE


@pytest.mark.parametrize("path", ["/score/", "/Score", "//score", "/scor", "", "/score?x"])
def test_a_path_that_is_not_exactly_served_is_named(path: str) -> None:
    with pytest.raises(UnknownRoute, match="Nothing is served at") as caught:
        ROUTES.find(path)
    assert caught.value.path == path


def test_a_method_leads_to_its_answer() -> None:
    assert ROUTES.answer(SCORE, "POST") is post
    assert ROUTES.answer(SCORE, "GET") is get


@pytest.mark.parametrize("method", ["PUT", "post", "HEAD"])
def test_another_method_is_refused_with_those_that_are_allowed(method: str) -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        ROUTES.answer(SCORE, method)
    assert (caught.value.method, caught.value.allowed) == (method, ("GET", "POST"))


def test_an_endpoint_is_worth_an_access_line_unless_it_says_otherwise() -> None:
    assert SCORE.logged
    assert not ROUTES.find("/").logged


def test_routes_do_not_change_with_the_table_they_were_made_of() -> None:
    table = {"/": SCORE}
    routes = Routes(table)
    table.clear()
    assert routes.find("/") is SCORE
