"""Routes: from method and path to what answers them, and whose words are used."""

from __future__ import annotations

import pytest

from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.errors import MethodNotAllowed, UnknownRoute
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint, Routes


async def get(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [])


async def post(request: HttpRequest) -> HttpResponse:
    return HttpResponse(201, [])


SCORE = Endpoint({"POST": post, "GET": get})
ROUTES = Routes([OtherEndpoints({"/score": SCORE, "/": Endpoint({"GET": get}, logged=False)})])


class Under(OtherEndpoints):
    """A dialect below a path."""

    prefix = "/v2"


def test_a_path_leads_to_its_endpoint() -> None:
    match = ROUTES.match("/score")
    assert match.endpoint is SCORE
    assert match.pattern == "/score"
    assert dict(match.parameters) == {}


@pytest.mark.parametrize("path", ["/score/", "/Score", "//score", "/scor", "", "/score?x"])
def test_a_path_that_is_not_exactly_served_is_named(path: str) -> None:
    match = ROUTES.match(path)
    assert (match.endpoint, match.pattern) == (None, "")
    with pytest.raises(UnknownRoute, match="Nothing is served at") as caught:
        match.answer(path, "GET")
    assert caught.value.path == path


def test_a_method_leads_to_its_answer() -> None:
    assert ROUTES.match("/score").answer("/score", "POST") is post
    assert ROUTES.match("/score").answer("/score", "GET") is get


@pytest.mark.parametrize("method", ["PUT", "post", "HEAD"])
def test_another_method_is_refused_with_those_that_are_allowed(method: str) -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        ROUTES.match("/score").answer("/score", method)
    assert (caught.value.method, caught.value.allowed) == (method, ("GET", "POST"))


PATTERNS = Routes([
    OtherEndpoints({
        "/models/{name}": SCORE,
        "/models/{name}/versions/{version}/infer": SCORE,
        "/models/first": Endpoint({"GET": get}),
        "/files/{rest:path}": SCORE,
        "/a.b/{name}": SCORE,
    })
])  # fmt: skip


@pytest.mark.parametrize(
    ("path", "pattern", "parameters"),
    [
        ("/models/wine", "/models/{name}", {"name": "wine"}),
        ("/models/wine 2\n", "/models/{name}", {"name": "wine 2\n"}),
        ("/models/first", "/models/first", {}),
        ("/models/wine/versions/3/infer", "/models/{name}/versions/{version}/infer", {"name": "wine", "version": "3"}),
        ("/files/a/b.txt", "/files/{rest:path}", {"rest": "a/b.txt"}),
        ("/a.b/c", "/a.b/{name}", {"name": "c"}),
    ],
)
def test_a_pattern_gives_its_parameters_and_an_exact_path_wins(
    path: str, pattern: str, parameters: dict[str, str]
) -> None:
    match = PATTERNS.match(path)
    assert (match.pattern, dict(match.parameters)) == (pattern, parameters)
    assert match.endpoint is not None


@pytest.mark.parametrize(
    "path", ["/models/", "/models/a/b", "/models/a/versions//infer", "/files/", "/axb/c", "/models"]
)
def test_a_segment_is_never_empty_and_has_no_slash(path: str) -> None:
    assert PATTERNS.match(path).endpoint is None


def test_a_path_that_nobody_serves_belongs_to_the_nearest_dialect() -> None:
    everything, below = OtherEndpoints({"/": SCORE}), Under({"/v2/health": SCORE})
    routes = Routes([everything, below])
    assert routes.match("/v2/nowhere").dialect is below
    assert routes.match("/v2").dialect is below
    assert routes.match("/v2x").dialect is everything
    assert routes.match("/nowhere").dialect is everything
    assert routes.match("/v2/health").dialect is below


def test_two_dialects_cannot_serve_the_same_path() -> None:
    for path in ("/", "/models/{name}"):
        with pytest.raises(ValueError, match="two dialects"):
            Routes([OtherEndpoints({path: SCORE}), OtherEndpoints({path: SCORE})])


def test_somebody_must_take_the_paths_that_nobody_serves() -> None:
    with pytest.raises(ValueError, match="prefix"):
        Routes([Under({})])


def test_an_endpoint_is_worth_an_access_line_unless_it_says_otherwise() -> None:
    assert SCORE.logged
    health = ROUTES.match("/").endpoint
    assert health is not None
    assert not health.logged


def test_routes_do_not_change_with_the_table_they_were_made_of() -> None:
    table = {"/": SCORE}
    routes = Routes([OtherEndpoints(table)])
    table.clear()
    assert routes.match("/").endpoint is SCORE
