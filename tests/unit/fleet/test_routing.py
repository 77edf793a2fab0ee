"""The table that fronts are sent."""

import json

from scoringhost.fleet.routing import RoutingTable, ServiceRoute, State, VersionRoute, WorkerRoute
from scoringhost.fleet.specs import Traffic, version_order


def test_a_table_is_the_same_after_it_was_sent() -> None:
    versions = {
        "1": VersionRoute("1", "7", State.READY, workers=(WorkerRoute(12, "/run/s/7/w-12.sock"),)),
        "2": VersionRoute("2", "", State.FAILED, "ValueError: no model"),
    }
    traffic = Traffic({"1": 90.0, "2": 10.0}, "1", "x-user", {"2": 5.0})
    table = RoutingTable(3, {"wine": ServiceRoute("wine", versions, "1", traffic)}, settled=True)
    assert RoutingTable.from_json(json.loads(json.dumps(table.to_json()))) == table


def test_versions_are_sorted_as_numbers() -> None:
    versions = ["10", "9", "v2", "1.10", "1.9", "blue", ""]
    assert sorted(versions, key=version_order) == ["blue", "1.9", "1.10", "v2", "9", "10", ""]
