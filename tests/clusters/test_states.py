from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes import looking, services
from scoringhost.kubernetes.cluster import Cluster
from scoringhost.kubernetes.record import Record
from scoringhost.kubernetes.states import Seen
from tests.api_server.access import Access, Object, Played
from tests.clusters.services import IMAGE, wine

STARTED = {"running": {"startedAt": "2026-11-30T10:00:00Z"}}
LOOP = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}}


def ended(code: int, reason: str = "Error") -> Object:
    return {"exitCode": code, "reason": reason, "finishedAt": "2026-11-30T10:00:01Z", "containerID": "containerd://1"}


@pytest.fixture
def record(cluster: Cluster) -> Record:
    return services.deploy(cluster, "wine", wine(), {})


@pytest.fixture
def played(access: Access, record: Record) -> Played:
    return Played(access, "wine")


@pytest.fixture
def see(cluster: Cluster, played: Played) -> Callable[[], Seen]:
    def look() -> Seen:
        found = looking.look(cluster, "wine")
        assert found is not None
        return found

    return look


@pytest.fixture
def pod(played: Played) -> str:
    """The first pod of a version that is just being deployed."""
    made = played.pod(played.replica_set())
    played.observed(replicas=1, updatedReplicas=1)
    return made


def test_what_was_just_applied_is_transitioning(see: Callable[[], Seen]) -> None:
    assert see() == Seen("Transitioning", "NotObserved", "the cluster has not looked at it yet", wanted=1, image=IMAGE)


def test_a_service_whose_replicas_are_all_available_is_healthy(played: Played, see: Callable[[], Seen]) -> None:
    played.healthy()
    assert (see().state, see().cause, see().available) == ("Healthy", "", 1)


def test_init_that_takes_its_time_is_transitioning(played: Played, pod: str, see: Callable[[], Seen]) -> None:
    played.container_is(pod, STARTED)
    played.event(pod, "Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 503")
    assert (see().state, see().cause) == ("Transitioning", "")


@pytest.mark.parametrize("message", ["not found", "pull access denied", "401 Unauthorized"])
def test_an_image_that_cannot_be_had_is_a_failure_at_the_first_try(
    played: Played, pod: str, see: Callable[[], Seen], message: str
) -> None:
    played.container_is(pod, {"waiting": {"reason": "ErrImagePull", "message": f"{IMAGE}: {message}"}})
    assert (see().state, see().cause) == ("Failed", "ErrImagePull")
    assert IMAGE in see().detail
    assert message in see().detail


def test_a_registry_that_does_not_answer_is_a_failure_at_the_second_try(
    played: Played, pod: str, see: Callable[[], Seen]
) -> None:
    why = f'Failed to pull image "{IMAGE}": dial tcp 10.0.0.1:443: i/o timeout'
    played.container_is(pod, {"waiting": {"reason": "ErrImagePull", "message": "i/o timeout"}})
    assert see().state == "Transitioning"
    played.event(pod, "Failed", why)
    played.event(pod, "Failed", "Error: ImagePullBackOff")
    played.container_is(
        pod, {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{IMAGE}"'}}
    )
    assert (see().state, see().cause) == ("Failed", "ImagePullBackOff")
    assert "i/o timeout" in see().detail


def test_a_script_that_cannot_be_served_is_a_failure_at_its_first_end(
    played: Played, pod: str, see: Callable[[], Seen]
) -> None:
    played.container_is(pod, {"terminated": ended(3)})
    assert (see().state, see().cause) == ("Failed", "InitFailed")


def test_one_crash_of_another_kind_may_pass_and_two_are_a_failure(
    played: Played, pod: str, see: Callable[[], Seen]
) -> None:
    played.container_is(pod, STARTED, before=ended(139), restarts=1)
    assert (see().state, see().cause) == ("Transitioning", "Crashed")
    played.container_is(pod, LOOP, before=ended(139), restarts=2)
    assert (see().state, see().cause) == ("Failed", "CrashLoopBackOff")
    assert "exit code 139" in see().detail


def test_a_container_that_took_too_much_memory_is_a_failure(played: Played, pod: str, see: Callable[[], Seen]) -> None:
    played.container_is(pod, STARTED, before=ended(137, "OOMKilled"), restarts=1)
    assert (see().state, see().cause) == ("Failed", "OOMKilled")


def test_init_that_takes_longer_than_it_may_is_a_failure(played: Played, pod: str, see: Callable[[], Seen]) -> None:
    played.event(pod, "Killing", "Container scoring failed startup probe, will be restarted", "Normal")
    played.container_is(pod, STARTED, before=ended(137), restarts=1)
    assert (see().state, see().cause) == ("Failed", "StartupTooSlow")


def test_readiness_that_fails_says_what_the_probe_was_answered(
    played: Played, pod: str, see: Callable[[], Seen]
) -> None:
    played.container_is(pod, STARTED, started=True)
    played.event(pod, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    assert (see().state, see().cause) == ("Transitioning", "NotReady")
    assert "statuscode: 503" in see().detail
    played.observed(progressing="ProgressDeadlineExceeded", replicas=1, updatedReplicas=1)
    assert (see().state, see().cause) == ("Failed", "ProgressDeadlineExceeded")
    assert "statuscode: 503" in see().detail


def test_a_pod_that_no_node_takes_says_what_the_scheduler_said(
    played: Played, pod: str, see: Callable[[], Seen]
) -> None:
    said = "0/3 nodes are available: 3 Insufficient cpu."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}
    played.pod_is(pod, condition)
    assert (see().state, see().cause, see().detail) == ("Unschedulable", "Unschedulable", said)
    played.event(pod, "TriggeredScaleUp", "pod triggered scale-up: [{pool 3->4 (max: 10)}]", "Normal")
    assert (see().state, see().cause) == ("Transitioning", "NodeComing")


def test_a_secret_that_is_not_there_is_named(played: Played, pod: str, see: Callable[[], Seen]) -> None:
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "wine-secret-settings" not found'}
    played.container_is(pod, {"waiting": waiting})
    assert (see().state, see().detail) == ("Failed", 'secret "wine-secret-settings" not found')


def test_a_volume_that_cannot_be_mounted_is_named(played: Played, pod: str, see: Callable[[], Seen]) -> None:
    played.event(pod, "FailedMount", 'MountVolume.SetUp failed for volume "keys": secret "wine-keys" not found')
    assert (see().state, see().cause) == ("Transitioning", "FailedMount")
    assert 'secret "wine-keys" not found' in see().detail


def test_a_quota_that_lets_no_pod_be_made_is_a_failure(played: Played, see: Callable[[], Seen]) -> None:
    said = 'pods "wine-h1-x" is forbidden: exceeded quota: small, requested: requests.cpu=4, used: 0, limited: 2'
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}
    played.replica_set()
    played.observed(conditions=[refused])
    assert (see().state, see().cause, see().detail) == ("Failed", "FailedCreate", said)


def test_a_service_that_ran_and_has_no_replica_any_more_is_unhealthy(played: Played, see: Callable[[], Seen]) -> None:
    played.healthy()
    played.container_is("wine-h1-p1", LOOP, before=ended(1), restarts=5)
    played.observed(progressing="NewReplicaSetAvailable", replicas=1, updatedReplicas=1)
    assert (see().state, see().cause) == ("Unhealthy", "CrashLoopBackOff")


def test_a_service_that_was_scaled_to_nothing_is_unhealthy(
    played: Played, access: Access, see: Callable[[], Seen]
) -> None:
    played.healthy()
    access.edit("apps/v1/deployments/wine", "kubectl-scale", ("spec.replicas", 0))
    played.observed(progressing="NewReplicaSetAvailable")
    assert (see().state, see().cause) == ("Unhealthy", "NoReplicas")


def test_a_new_version_that_fails_says_that_the_old_one_goes_on(
    cluster: Cluster, played: Played, record: Record, access: Access
) -> None:
    played.healthy()
    services.deploy(cluster, "wine", wine(image="registry.example.com/wine:2"), {})
    new = played.pod(played.replica_set())
    played.container_is(new, {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}})
    played.observed(replicas=2, updatedReplicas=1, readyReplicas=1, availableReplicas=1)
    with pytest.raises(errors.RolloutFailed, match="Failed: ErrImagePull.*; what ran before goes on") as caught:
        services.wait(cluster, record)
    assert caught.value.seen.others_available == 1


def test_waiting_ends_with_the_last_lines_of_what_failed(
    cluster: Cluster, played: Played, pod: str, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def log(pod: str, container: str, lines: int, *, previous: bool = False) -> list[str]:
        asked.append((pod, container, previous))
        return ["ZeroDivisionError: division by zero"]

    # Logs come from kubelets, which no API server has by itself.
    monkeypatch.setattr(cluster, "log", log)
    played.container_is(pod, LOOP, before=ended(3), restarts=1)
    with pytest.raises(errors.RolloutFailed, match="wine is Failed: InitFailed") as caught:
        services.wait(cluster, record)
    assert caught.value.log == ("ZeroDivisionError: division by zero",)
    assert asked == [("wine-h1-p1", "scoring", True)]


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self, *steps: Callable[[], Any]) -> None:
        self.now_s, self.steps = 0.0, list(steps)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        if self.steps:
            self.steps.pop(0)()


def test_waiting_tells_of_each_change_and_ends_when_it_is_healthy(
    cluster: Cluster, played: Played, record: Record
) -> None:
    told: list[str] = []

    def progress() -> None:
        played.observed()

    clock = Clock(progress, played.healthy)
    seen = looking.wait_for(
        cluster, "wine", "wine", tell=lambda one: told.append(one.state), sleep=clock.sleep, now_s=lambda: clock.now_s
    )
    assert seen.state == "Healthy"
    assert told == ["Transitioning", "Transitioning", "Healthy"]


def test_a_pod_without_a_node_is_waited_with_for_as_long_as_a_node_may_come(
    cluster: Cluster, played: Played, pod: str
) -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    played.pod_is(pod, condition)
    clock = Clock()
    with pytest.raises(errors.RolloutFailed, match="Unschedulable: Unschedulable: 0/1 nodes"):
        looking.wait_for(cluster, "wine", "wine", sleep=clock.sleep, now_s=lambda: clock.now_s)
    assert clock.now_s == looking.NODE_MAY_COME_S


def test_waiting_ends_when_the_time_is_over_and_says_how_it_is(cluster: Cluster, record: Record) -> None:
    clock = Clock()
    with pytest.raises(errors.RolloutUnfinished, match=r"wine is Transitioning after 5 s \(NotObserved"):
        looking.wait_for(cluster, "wine", "wine", timeout_s=5, sleep=clock.sleep, now_s=lambda: clock.now_s)


def test_waiting_ends_when_somebody_deletes_it(cluster: Cluster, access: Access, record: Record) -> None:
    clock = Clock(lambda: access.ask("DELETE", "apps/v1/deployments/wine"))
    with pytest.raises(errors.ServiceNotDeployed):
        looking.wait_for(cluster, "wine", "wine", sleep=clock.sleep, now_s=lambda: clock.now_s)


def test_a_service_whose_deployment_somebody_has_deleted_says_so(
    cluster: Cluster, access: Access, record: Record
) -> None:
    access.ask("DELETE", "apps/v1/deployments/wine")
    seen = services.get(cluster, "wine").seen["wine"]
    assert (seen.state, seen.cause) == ("Unhealthy", "Gone")
