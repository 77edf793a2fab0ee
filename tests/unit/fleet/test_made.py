from __future__ import annotations

import pytest

from scoringhost.errors import SettingsError
from scoringhost.fleet.made import Display, fit_for_fleet, ignored_by_fleet
from scoringhost.fleet.routing import RoutingTable, ServiceRoute, State, VersionRoute
from scoringhost.fleet.shares import cores_for
from scoringhost.settings import Settings


def table(*versions: VersionRoute, settled: bool = False) -> RoutingTable:
    found = {version.version: version for version in versions}
    return RoutingTable(1, {"wine": ServiceRoute("wine", found, "1")} if found else {}, settled)


def test_each_version_is_shown_once_when_it_has_come_to_something() -> None:
    lines: list[str] = []
    display = Display(lines.append, "http://x")
    display.take(table(VersionRoute("1", "", State.LOADING), VersionRoute("2", "", State.STOPPED)))
    assert lines == []
    ready = VersionRoute("1", "7", State.READY)
    display.take(table(ready, VersionRoute("2", "", State.FAILED, "no model")))
    display.take(table(ready, VersionRoute("2", "", State.LOADING), settled=True))
    display.take(table(ready, VersionRoute("2", "", State.FAILED, "no model"), settled=True))
    display.take(table(ready, settled=True))
    assert lines == [
        "  wine:1  ready    http://x/services/wine/versions/1/score",
        "  wine:2  failed  no model",
        "1 services: 1 loading, 1 ready; GET http://x/ lists them",
        "  wine:2  gone",
    ]


def test_replicas_count_where_only_a_port_for_metrics_asks_for_it() -> None:
    settings = fit_for_fleet(Settings(metrics_port=9000, origins={"metrics_port": "flag --metrics-port"}))
    assert settings.metrics
    assert settings.origins["metrics"] == "flag --metrics-port"


def test_it_is_said_which_settings_mean_nothing_to_a_fleet() -> None:
    origins = {"model_dir": "flag --model-dir", "debug_port": "file settings.json", "grpc_port": "flag --grpc-port"}
    lines = ignored_by_fleet(Settings(model_dir="/m", debug_port=8001, grpc_port=8002, origins=origins))
    assert [line.partition(":")[0] for line in lines] == [
        "model_dir (flag --model-dir) is ignored by a fleet",
        "debug_port (file settings.json) is ignored by a fleet",
    ]


def test_a_topic_is_for_one_service() -> None:
    with pytest.raises(SettingsError, match="kafka_servers"):
        fit_for_fleet(Settings(kafka_servers="localhost:9092"))


@pytest.mark.parametrize(("replicas", "in_all", "share"), [(1, 1, 4.0), (1, 4, 1.0), (2, 8, 1.0), (3, 1, 4.0)])
def test_cores_are_shared_by_the_number_of_replicas(replicas: int, in_all: int, share: float) -> None:
    assert cores_for(replicas, in_all, 4.0) == share
