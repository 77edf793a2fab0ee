"""With Kubernetes' own controllers and scheduler; the tests play the kubelet of one node alone."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes import looking, services
from scoringhost.kubernetes.cluster import Cluster, open_cluster
from scoringhost.kubernetes.states import Seen
from tests.api_server import real
from tests.api_server.access import Access, Object, Played
from tests.clusters.services import wine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kube-apiserver")]

WITHIN_S = 120.0
PROGRAMS = {
    "kube-controller-manager": ("--controllers", "deployment,replicaset", "--leader-elect=false", "--secure-port=0"),
    "kube-scheduler": ("--leader-elect=false", "--secure-port=0"),
}


# For this module alone: in the others the tests play them.
@pytest.fixture(scope="module")
def controllers(real_server: Access, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    programs = real.folder_of_programs()
    assert programs is not None
    if not all((programs / name).exists() for name in PROGRAMS):
        pytest.skip(f"NO CONTROLLERS OF KUBERNETES: {', '.join(PROGRAMS)} are not beside kube-apiserver")
    folder = tmp_path_factory.mktemp("controllers")
    access = Access(real_server.url, folder, "default", real_server.token, real_server.ca, True)
    config = access.environ()["KUBECONFIG"]
    started = []
    for name, arguments in PROGRAMS.items():
        with (folder / f"{name}.log").open("wb") as log:
            command = [str(programs / name), "--kubeconfig", config, *arguments]
            started.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder))
    yield
    for process in started:
        process.terminate()
    for process in started:
        process.wait(30)


@pytest.fixture
def there(genuine: Access, controllers: None) -> Access:
    return genuine


@pytest.fixture
def cluster(there: Access) -> Cluster:
    return open_cluster(there.environ())


@pytest.fixture
def node(there: Access) -> Iterator[None]:
    """A node that takes pods."""
    room = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    # A name of its own: the scheduler may still know one of the same name, with what ran there.
    name = f"node-{there.namespace}"
    metadata = {"name": name, "labels": {"kubernetes.io/hostname": name}}
    made = there.ask_whole("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": metadata})
    made["spec"] = {}  # one that is new is not ready, and says so by a taint
    made = there.ask_whole("PUT", f"/api/v1/nodes/{name}", made)
    made["status"] = {"capacity": room, "allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]}
    there.ask_whole("PUT", f"/api/v1/nodes/{name}/status", made)
    yield
    there.ask_whole("DELETE", f"/api/v1/nodes/{name}")


def until(look: Callable[[], Seen | None], state: str, cause: str = "") -> Seen:
    until_s = time.monotonic() + WITHIN_S
    while True:
        seen = look()
        if seen is not None and seen.state == state and seen.cause == cause:
            return seen
        assert time.monotonic() < until_s, seen
        time.sleep(0.1)


def pod_of(access: Access, image: str) -> str:
    """The name of the pod with an image, when it has a node."""
    until_s = time.monotonic() + WITHIN_S
    while True:
        for one in access.ask("GET", "v1/pods")["items"]:
            if one["spec"]["containers"][0]["image"] == image and one["spec"].get("nodeName"):
                return str(one["metadata"]["name"])
        assert time.monotonic() < until_s
        time.sleep(0.1)


RUNNING: Object = {"running": {"startedAt": "2026-11-30T10:00:00Z"}}


def test_without_a_node_it_is_unschedulable_in_the_schedulers_words(cluster: Cluster) -> None:
    services.deploy(cluster, "wine", wine(), {})
    seen = until(lambda: looking.look(cluster, "wine"), "Unschedulable", "Unschedulable")
    assert "no nodes available to schedule pods" in seen.detail


def test_a_quota_of_pods_is_a_failure_in_its_own_words(cluster: Cluster, there: Access) -> None:
    hard = {"pods": "0"}
    content = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": {"hard": hard}}
    made = there.ask("POST", "v1/resourcequotas", content)
    there.ask("PUT", "v1/resourcequotas/small/status", {**made, "status": {"hard": hard, "used": {"pods": "0"}}})
    record = services.deploy(cluster, "wine", wine(), {})
    with pytest.raises(errors.RolloutFailed, match="FailedCreate: pods .* is forbidden: exceeded quota: small"):
        services.wait(cluster, record, timeout_s=WITHIN_S)


@pytest.mark.usefixtures("node")
def test_a_service_runs_and_a_new_version_that_fails_leaves_it_running(cluster: Cluster, there: Access) -> None:
    record = services.deploy(cluster, "wine", wine(), {})
    played = Played(there, "wine")
    first = pod_of(there, "registry.example.com/wine:1")
    until(lambda: looking.look(cluster, "wine"), "Transitioning")
    played.container_is(first, RUNNING, ready=True, started=True)
    assert services.wait(cluster, record, timeout_s=WITHIN_S)["wine"].state == "Healthy"

    record = services.deploy(cluster, "wine", wine(image="registry.example.com/wine:2"), {})
    second = pod_of(there, "registry.example.com/wine:2")
    played.container_is(second, {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}})
    with pytest.raises(errors.RolloutFailed, match="ErrImagePull.*; what ran before goes on"):
        services.wait(cluster, record, timeout_s=WITHIN_S)

    record = services.deploy(cluster, "wine", wine(image="registry.example.com/wine:3"), {})
    third = pod_of(there, "registry.example.com/wine:3")
    played.container_is(third, RUNNING, ready=True, started=True)
    until_s = time.monotonic() + WITHIN_S
    while True:  # the kubelet ends the pods that are to go
        for one in there.ask("GET", "v1/pods")["items"]:
            if one["metadata"].get("deletionTimestamp"):
                there.ask("DELETE", f"v1/pods/{one['metadata']['name']}", {"gracePeriodSeconds": 0})
        seen = looking.look(cluster, "wine")
        if seen is not None and seen.state == "Healthy":
            break
        assert time.monotonic() < until_s, seen
        time.sleep(0.1)
    assert seen.image == "registry.example.com/wine:3"


@pytest.mark.usefixtures("node")
def test_one_that_ran_and_falls_is_unhealthy(cluster: Cluster, there: Access) -> None:
    record = services.deploy(cluster, "wine", wine(), {})
    played = Played(there, "wine")
    pod = pod_of(there, "registry.example.com/wine:1")
    played.container_is(pod, RUNNING, ready=True, started=True)
    services.wait(cluster, record, timeout_s=WITHIN_S)
    end = {"exitCode": 137, "reason": "OOMKilled", "containerID": "containerd://1"}
    played.container_is(pod, {"waiting": {"reason": "CrashLoopBackOff"}}, before=end, restarts=3)
    seen = until(lambda: looking.look(cluster, "wine"), "Unhealthy", "OOMKilled")
    assert "more memory than its limit" in seen.detail


def test_delete_leaves_nothing_of_it(cluster: Cluster, there: Access) -> None:
    services.deploy(cluster, "wine", wine(), {})
    until(lambda: looking.look(cluster, "wine"), "Unschedulable", "Unschedulable")
    services.delete(cluster, "wine")
    assert there.kinds_left("wine") == []
    assert json.dumps(there.ask("GET", "v1/secrets")["items"]) == "[]"
