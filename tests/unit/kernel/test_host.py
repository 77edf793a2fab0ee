"""Host: services by name and version."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scoringhost.errors import UnknownService
from scoringhost.kernel.host import Host
from scoringhost.kernel.service import Service
from scoringhost.script.loading import EntryScript

Make = Callable[..., Service]


@pytest.fixture
def make(load: Callable[..., EntryScript]) -> Make:
    script = load("def run(data): pass")
    return lambda name="default", version="1": Service(script, name, version)


def host_of(*services: Service) -> Host:
    host = Host()
    for service in services:
        host.add(service)
    return host


def test_without_a_name_the_first_service_answers(make: Make) -> None:
    first, second = make("a"), make("b")
    assert host_of(first, second).resolve() is first


def test_without_a_version_the_one_added_last_answers(make: Make) -> None:
    old, new, other = make("a", "2"), make("a", "1"), make("b")
    assert host_of(old, new, other).resolve("a") is new


def test_a_service_is_found_by_name_and_version(make: Make) -> None:
    old, new = make("a", "1"), make("a", "2")
    assert host_of(old, new).resolve("a", "1") is old


def test_a_version_without_a_name_is_one_of_the_first_service(make: Make) -> None:
    old, new = make("a", "1"), make("a", "2")
    assert host_of(old, new).resolve(None, "1") is old


def test_an_unknown_name_is_named(make: Make) -> None:
    with pytest.raises(UnknownService, match="no service 'zebra'$"):
        host_of(make("a")).resolve("zebra")


def test_an_unknown_version_is_named(make: Make) -> None:
    with pytest.raises(UnknownService, match="no service 'a' of version '9'"):
        host_of(make("a")).resolve("a", "9")


def test_an_empty_host_has_no_default() -> None:
    with pytest.raises(UnknownService, match="'default'"):
        Host().resolve()


def test_a_service_of_the_same_name_and_version_is_replaced(make: Make) -> None:
    old, new = make("a"), make("a")
    assert list(host_of(old, new)) == [new]


def test_all_services_of_all_versions_are_listed(make: Make) -> None:
    services = [make("a", "1"), make("a", "2"), make("b", "1")]
    assert list(host_of(*services)) == services


def test_an_empty_host_is_not_ready() -> None:
    assert not Host().ready


def test_a_host_is_ready_when_all_its_services_are(make: Make) -> None:
    first, second = make("a"), make("b")
    host = host_of(first, second)
    first.open([], lambda: None)
    assert not host.ready
    second.open([], lambda: None)
    assert host.ready
    second.drain()
    assert not host.ready
