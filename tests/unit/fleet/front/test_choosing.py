"""Which version a front gives a request to."""

import random
from collections import Counter

import pytest

from scoringhost.errors import NotReady
from scoringhost.fleet.front.choosing import ByTraffic, DefaultVersion
from scoringhost.fleet.routing import ServiceRoute, State, VersionRoute, WorkerRoute
from scoringhost.fleet.specs import Traffic
from scoringhost.http.messages import Headers, HttpRequest


def service(traffic: Traffic, *failed: str) -> ServiceRoute:
    versions = {
        number: VersionRoute(number, "", State.FAILED)
        if number in failed
        else VersionRoute(number, number, State.READY, workers=(WorkerRoute(1, f"/run/{number}"),))
        for number in ("1", "2", "3")
    }
    return ServiceRoute("wine", versions, "3", traffic)


HALVES = service(Traffic({"1": 50, "2": 50}))


def chosen(choice: ByTraffic, route: ServiceRoute, path: str = "/services/wine/score", **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found = choice.choose(route, HttpRequest("POST", path, b"", Headers(named)))
    return "none" if found is None else found.version


GRPC = "/inference.GRPCInferenceService"


@pytest.mark.parametrize(
    "path",
    [
        "/services/wine/score",
        "/v2/models/wine/infer",
        "/v2/models/wine/generate_stream",
        f"{GRPC}/ModelInfer",
        f"{GRPC}/ModelStreamInfer",
    ],
)
def test_what_asks_the_model_is_divided(path: str) -> None:
    choice = ByTraffic(random.Random(1).random)
    assert set(Counter(chosen(choice, HALVES, path) for _ in range(50))) == {"1", "2"}


@pytest.mark.parametrize(
    "path",
    [
        "/services/wine/swagger.json",
        "/v2/models/wine",
        "/services/wine/",
        "/services/wine/jobs/7",
        f"{GRPC}/ModelMetadata",
        f"{GRPC}/ModelReady",
    ],
)
def test_what_asks_about_it_goes_to_its_main_version(path: str) -> None:
    choice = ByTraffic()
    assert {chosen(choice, HALVES, path) for _ in range(50)} == {"2"}


def test_without_shares_all_goes_to_the_default_whatever_it_is_at() -> None:
    choice = ByTraffic()
    assert {chosen(choice, service(Traffic(), "3")) for _ in range(20)} == {"3"}


def test_a_caller_stays() -> None:
    choice, route = ByTraffic(), service(Traffic({"1": 50, "2": 50}, sticky_header="X-User"))
    for user in ("ada", "bob", "eve"):
        assert len({chosen(choice, route, x_user=user) for _ in range(20)}) == 1
    assert len({chosen(choice, route) for _ in range(50)}) == 2


def test_another_table_counts_at_once() -> None:
    choice = ByTraffic()
    assert chosen(choice, service(Traffic({"1": 100}))) == "1"
    assert chosen(choice, service(Traffic({"2": 100}))) == "2"
    with pytest.raises(NotReady, match="version 2: failed"):
        chosen(choice, service(Traffic({"2": 100}), "2"))


def test_a_service_without_its_default_version_has_none_to_give() -> None:
    route = ServiceRoute("wine", {}, "1", Traffic())
    assert chosen(ByTraffic(), route) == "none"
    assert DefaultVersion().choose(route, HttpRequest("POST", "/score")) is None
