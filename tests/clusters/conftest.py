"""One suite over two API servers: a small one that is always there, and Kubernetes' own where its programs are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost.kubernetes.cluster import Cluster, open_cluster
from tests.api_server import real
from tests.api_server.access import Access
from tests.api_server.server import ApiServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    programs = real.folder_of_programs()
    if programs is None:
        pytest.skip(real.NOT_HERE)
    with real.running(programs, tmp_path_factory.mktemp("kubernetes")) as access:
        yield access


@pytest.fixture
def genuine(real_server: Access, tmp_path: Path) -> Access:
    """Kubernetes' own, with an empty namespace."""
    name = f"models-{next(_numbers)}"
    content = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    real_server.ask_whole("POST", "/api/v1/namespaces", content)
    return Access(real_server.url, tmp_path, name, real_server.token, real_server.ca, True)


_SERVERS: list[Any] = ["stand-in"]
# Where there is none, one test says so, and not each.
if real.folder_of_programs() is not None:
    _SERVERS.append(pytest.param("real", marks=[pytest.mark.slow, pytest.mark.xdist_group("kube-apiserver")]))


@pytest.fixture(params=_SERVERS)
def access(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Access]:
    """An API server with an empty namespace."""
    if request.param == "real":
        yield request.getfixturevalue("genuine")
        return
    with ApiServer() as server:
        yield Access(server.url, tmp_path, "models")


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[ApiServer]:
    """The small one, for what a real one does not do when it is asked to, such as failing."""
    with ApiServer() as server:
        yield server


@pytest.fixture
def cluster(access: Access) -> Cluster:
    return open_cluster(access.environ())


@pytest.fixture
def crds(access: Access) -> None:
    """The kinds of the Gateway API, which no API server has by itself."""
    if access.is_real:
        real.install_http_routes(access)
