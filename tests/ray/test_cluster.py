"""A cluster of two nodes under load: what is lost when a replica or a node goes, and when a version is replaced."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from scoringhost.ray.shape import Shape, serve_options
from scoringhost.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Reply
    from tests.ray.conftest import Service

CLIENTS = 4
PROXIES = {
    # By default it asks the replicas of its own node, as long as they have room.
    "python": {"RAY_SERVE_PROXY_PREFER_LOCAL_NODE_ROUTING": "0"},
    "haproxy": {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "2"},
}


@pytest.fixture(scope="module", params=PROXIES)
def cluster(request: pytest.FixtureRequest, ray_clusters: Any, port_of_nobody: Callable[[], int]) -> Iterator[Any]:
    """A cluster, once with Ray's proxy in Python and once with HAProxy."""
    made = ray_clusters.Cluster(port_of_nobody, **PROXIES[request.param])
    made.is_python = request.param == "python"
    yield made
    made.close()


@pytest.fixture
def load(service: Service, ray_clusters: Any) -> Any:
    """Clients that ask the service one request after the other."""
    return ray_clusters.Load(lambda: service.say(within_s=60), CLIENTS)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[Any], None]:
    """Print what was counted: `pytest -s`, and the documentation has it."""

    def report(load: Any) -> None:
        sys.stdout.write(f"\n{request.node.name}: {load}\n")

    return report


def pids(load: Any) -> set[int]:
    """The processes that have answered."""
    return {reply.json()["pid"] for reply in load.replies if reply.status == 200}


def test_a_replica_that_is_killed_costs_no_more_than_what_it_worked_at(
    service: Service, load: Any, report: Callable[[Any], None], ray_clusters: Any
) -> None:
    service.deploy(replicas=2)
    with load.running():
        load.wait_answered(50)
        ray_clusters.kill_process(service.say().json()["pid"])
        load.wait_answered(50)
        ray_clusters.until(lambda: len(pids(load)) >= 3, "the replica in its place")
    report(load)
    # HAProxy sends to the replica what comes until it has noticed; Ray's own proxy hears of it at once.
    assert load.lost <= (CLIENTS if service.cluster.is_python else 4 * CLIENTS)


def test_a_redeploy_under_load_loses_nothing(service: Service, load: Any, report: Callable[[Any], None]) -> None:
    service.deploy({"VERSION": "1"}, replicas=2)
    with load.running():
        load.wait_answered(50)
        service.deploy({"VERSION": "2"}, replicas=2)
        load.wait_answered(50)
    report(load)
    assert load.lost == 0
    assert service.say().json()["version"] == "2"
    assert {reply.json()["version"] for reply in load.replies} == {"1", "2"}


def test_replicas_follow_the_calls_in_flight_and_nothing_is_lost(
    service: Service, ray_clusters: Any, report: Callable[[Any], None]
) -> None:
    # At 70 % two replicas would be right for the one call that is in flight in the end.
    scaling = serve_options(Settings(), Shape.of((1, 3), target_utilisation=100))["autoscaling_config"]
    hurried = {**scaling, "upscale_delay_s": 1, "downscale_delay_s": 10, "look_back_period_s": 5}
    service.deploy(options={"autoscaling_config": hurried}, replicas=(1, 3))
    load = ray_clusters.Load(lambda: service.say("sleep 0.3", within_s=60), 6)
    with load.running():
        # Not three of them at one time: on a busy machine Ray thinks better of it while they start.
        ray_clusters.until(lambda: len(pids(load)) >= 2, "answers of another replica")
    calm = ray_clusters.Load(lambda: service.say(within_s=60), 1)
    with calm.running():
        service.cluster.wait_running(service.name, 1)
        calm.wait_answered(10)
    report(load)
    report(calm)
    assert calm.lost == 0
    assert load.lost == 0


def test_a_node_that_goes_costs_no_more_than_what_its_replicas_worked_at(
    service: Service, load: Any, report: Callable[[Any], None]
) -> None:
    node = service.cluster.add_node(2)
    service.deploy(options={"max_replicas_per_node": 2}, replicas=4, num_cpus=0.5)
    nodes = {service.say().json()["node"] for _ in range(40)}
    assert len(nodes) == 2, "the replicas are spread over both nodes"
    with load.running():
        load.wait_answered(50)
        node.kill()
        service.cluster.wait_running(service.name, 2)
        load.wait_answered(100)
        assert {service.say().json()["node"] for _ in range(20)} < nodes
        service.cluster.add_node(2)
        service.cluster.wait_running(service.name, 4)
    report(load)
    assert load.lost <= 2 * CLIENTS


def test_a_script_is_answered_as_everywhere(service: Service) -> None:
    service.deploy()
    reply: Reply = service.say("x", headers=[("x-request-id", "mine")])
    assert (reply.status, reply.all("x-request-id")) == (200, ["mine"])
    assert service.ask(target="/nowhere").json()["message"].startswith("Nothing is served at '/nowhere'")
