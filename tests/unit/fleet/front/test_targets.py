"""From raw paths to services."""

from __future__ import annotations

import pytest

from scoringhost.fleet.front.pages import FrontPages, FrontV2, Health, ServicePaths, ServiceV2Paths
from scoringhost.fleet.front.targets import MOST_REMEMBERED, Targets
from scoringhost.fleet.routing import RoutingTable
from scoringhost.http.routes import Routes


def targets() -> Targets:
    health = Health(RoutingTable)
    return Targets(Routes([FrontPages(RoutingTable, health), FrontV2(health), ServiceV2Paths(), ServicePaths()]).match)


CASES = [
    (b"/services/wine/score", ("wine", None, b"/score")),
    (b"/services/wine/", ("wine", None, b"/")),
    (b"/services/wine/versions/2/score", ("wine", "2", b"/score")),
    (b"/services/wine/versions/2/", ("wine", "2", b"/")),
    (b"/services/wine/versions//score", ("wine", "", b"/score")),
    (b"/services/my%20wine/a%2Fb", ("my wine", None, b"/a%2Fb")),
    (b"/services/a%2Fb/score", ("a/b", None, b"/score")),
    (b"/v2/models/wine", ("wine", None, b"/v2/models/wine")),
    (b"/v2/models/wine/infer", ("wine", None, b"/v2/models/wine/infer")),
    (b"/v2/models/wine/versions/2/infer", ("wine", "2", b"/v2/models/wine/versions/2/infer")),
]


@pytest.mark.parametrize(("path", "found"), CASES)
def test_a_path_names_a_service(path: bytes, found: tuple[str, str | None, bytes]) -> None:
    target = targets().of(path)
    assert target is not None
    assert (target.name, target.version, target.rest) == found


OWN = (
    b"/",
    b"/services",
    b"/services/wine",
    b"/services//x",
    b"/v2",
    b"/v2/models/",
    b"/livez",
    b"/services/w/versions/2",
)


@pytest.mark.parametrize("path", OWN)
def test_all_others_are_the_fronts_own(path: bytes) -> None:
    assert targets().of(path) is None


@pytest.mark.parametrize(
    ("path", "is_open"),
    [
        (b"/services/wine/", True),
        (b"/services/wine/versions/2/readyz", True),
        (b"/services/wine/docs/page.js", True),
        (b"/services/wine/v2/health/live", True),
        (b"/v2/models/wine/versions/2/ready", True),
        (b"/services/wine/score", False),
        (b"/services/wine/v2/models/m/infer", False),
        (b"/services/wine/swagger.json", False),
        (b"/services/wine/metrics", False),
        (b"/v2/models/wine", False),
    ],
)
def test_health_and_pages_need_no_key_and_all_else_does(path: bytes, is_open: bool) -> None:
    target = targets().of(path)
    assert target is not None
    assert target.match.endpoint is not None
    assert target.match.endpoint.is_open is is_open


def test_no_number_of_paths_is_remembered() -> None:
    made = targets()
    for number in range(MOST_REMEMBERED + 2):
        made.of(b"/services/wine/%d" % number)
    assert len(made._known) <= MOST_REMEMBERED
