from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes import services
from scoringhost.kubernetes.cluster import Cluster, open_cluster
from scoringhost.kubernetes.kinds import PODS
from tests.api_server import real
from tests.api_server.access import Access, Object
from tests.api_server.server import ApiServer
from tests.api_server.store import Refused
from tests.clusters.services import wine

F = TypeVar("F", bound=Callable[..., Any])
SECRET = "my-primary-key-0123456789"


def on_a_real_one(test: F) -> F:
    """Of what the stand-in does not check."""
    marked: F = pytest.mark.slow(pytest.mark.xdist_group("kube-apiserver")(test))
    return marked


@pytest.fixture
def failing(stand_in: ApiServer, tmp_path: Path) -> Cluster:
    """A cluster whose answers a test decides on, by hooks."""
    return open_cluster(Access(stand_in.url, tmp_path, "models").environ())


def refuse_writes(stand_in: ApiServer, refused: Refused, plural: str = "") -> None:
    def hook(method: str, path: str, content: Object | None) -> None:
        if method != "GET" and f"/{plural}" in path:
            raise refused

    stand_in.store.hooks.append(hook)


# -- by Kubernetes' own alone --------------------------------------------------------------------------------


@on_a_real_one
def test_a_field_that_is_wrong_is_named_before_anything_is_made(genuine: Access) -> None:
    manifests = wine()
    deployment = next(one for one in manifests if one["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["successThreshold"] = 3
    with pytest.raises(errors.ManifestRefused) as caught:
        services.deploy(open_cluster(genuine.environ()), "wine", manifests, {})
    (problem,) = caught.value.problems
    assert problem.field == "spec.template.spec.containers[0].livenessProbe.successThreshold"
    assert "Deployment wine: spec.template" in str(caught.value)
    assert genuine.kinds_left("wine") == []


@on_a_real_one
def test_an_unknown_field_is_named(genuine: Access) -> None:
    manifests = wine()
    deployment = next(one for one in manifests if one["kind"] == "Deployment")
    deployment["spec"]["replicass"] = 3
    with pytest.raises((errors.ManifestRefused, errors.ClusterBroken), match="Deployment wine.*replicass"):
        services.deploy(open_cluster(genuine.environ()), "wine", manifests, {})


@on_a_real_one
def test_who_may_not_is_told_what(genuine: Access) -> None:
    reader = open_cluster(genuine.environ(token=real.READER))
    with pytest.raises(errors.NotPermitted, match="ConfigMap wine.scoringhost: you may not get it.*reader"):
        services.deploy(reader, "wine", wine(), {})


@on_a_real_one
def test_who_is_not_known_is_told_to_log_in(genuine: Access) -> None:
    nobody = open_cluster(genuine.environ(token="wrong"))
    with pytest.raises(errors.LoginRefused, match="what kube context 'test' authenticates with; log in again"):
        services.deploy(nobody, "wine", wine(), {})


@on_a_real_one
def test_a_quota_is_named(genuine: Access) -> None:
    quota = {"hard": {"services": "0"}}
    content = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": quota}
    made = genuine.ask("POST", "v1/resourcequotas", content)
    made["status"] = {**quota, "used": {"services": "0"}}  # else it waits for a controller to count
    genuine.ask("PUT", "v1/resourcequotas/small/status", made)
    with pytest.raises(errors.QuotaExceeded, match="Service wine: .*exceeded quota: small"):
        services.deploy(open_cluster(genuine.environ()), "wine", wine(), {})


@on_a_real_one
def test_a_server_whose_certificate_is_of_nobody_known_is_not_asked(genuine: Access) -> None:
    genuine.ca = None
    with pytest.raises(errors.ClusterUnreachable, match="certificate"):
        services.get_all(open_cluster(genuine.environ()))


# -- as a server may answer, and none does when it is asked to --------------------------------------


def test_a_policy_that_refuses_is_said_in_its_own_words(stand_in: ApiServer, failing: Cluster) -> None:
    said = 'admission webhook "images.example.com" denied the request: image is not signed'
    refuse_writes(stand_in, Refused(403, "Forbidden", said), "deployments")
    with pytest.raises(errors.AdmissionRefused, match="Deployment wine: admission webhook.*image is not signed"):
        services.deploy(failing, "wine", wine(), {})
    assert not stand_in.store.objects


def test_a_missing_permission_is_said_for_the_object(stand_in: ApiServer, failing: Cluster) -> None:
    said = 'deployments.apps "wine" is forbidden: User "eve" cannot patch resource "deployments" in API group "apps"'
    refuse_writes(stand_in, Refused(403, "Forbidden", said), "deployments")
    with pytest.raises(errors.NotPermitted, match='Deployment wine: you may not patch it: .*User "eve" cannot patch'):
        services.deploy(failing, "wine", wine(), {})


def test_an_error_about_a_secret_has_nothing_of_its_values(stand_in: ApiServer, failing: Cluster) -> None:
    said = f'Secret "wine-keys" is invalid: data[primary]: Invalid value: "{SECRET}"'
    cause = {"reason": "FieldValueInvalid", "message": said, "field": "data[primary]"}
    refuse_writes(stand_in, Refused(422, "Invalid", said, causes=[cause]), "secrets")
    with pytest.raises(errors.ManifestRefused, match=r"Secret wine-keys: data\[primary\]") as caught:
        services.deploy(failing, "wine", wine(keys={"primary": SECRET}), {})
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.problems)


def test_a_server_that_is_overloaded_is_asked_again(stand_in: ApiServer, failing: Cluster) -> None:
    answers = [Refused(429, "TooManyRequests", "try again"), Refused(503, "ServiceUnavailable", "no leader")]

    def hook(method: str, path: str, content: Object | None) -> None:
        if method == "PATCH" and answers:
            raise answers.pop()

    stand_in.store.hooks.append(hook)
    services.deploy(failing, "wine", wine(), {})
    assert not answers


def test_a_server_that_fails_is_said_after_some_tries(stand_in: ApiServer, failing: Cluster) -> None:
    refuse_writes(stand_in, Refused(500, "InternalError", "etcdserver: request timed out"), "services")
    with pytest.raises(errors.ClusterBroken, match="Service wine: the API server answered 500: etcdserver"):
        services.deploy(failing, "wine", wine(), {})


def test_a_record_that_somebody_has_emptied_is_said(stand_in: ApiServer, failing: Cluster) -> None:
    services.deploy(failing, "wine", wine(), {})
    (kept,) = [one for key, one in stand_in.store.objects.items() if key[3] == "wine.scoringhost"]
    kept["data"] = {"record.json": "{}"}
    with pytest.raises(errors.ClusterBroken, match=r"ConfigMap wine\.scoringhost: it is no record of a service"):
        services.get(failing, "wine")


def test_logs_come_with_the_run_before_first(stand_in: ApiServer, failing: Cluster, tmp_path: Path) -> None:
    from tests.api_server.access import Played

    record = services.deploy(failing, "wine", wine(), {})
    played = Played(Access(stand_in.url, tmp_path, "models"), "wine")
    pod = played.pod(played.replica_set())
    end = {"exitCode": 3, "reason": "Error", "containerID": "containerd://1"}
    played.container_is(pod, {"running": {}}, before=end, restarts=1)
    stand_in.store.logs = {(pod, True): "Traceback\nZeroDivisionError", (pod, False): "loading"}
    assert services.logs(failing, record, 10) == ["Traceback", "ZeroDivisionError", "loading"]
    assert services.logs(failing, record, 2) == ["ZeroDivisionError", "loading"]


def test_a_pod_that_has_written_nothing_has_no_log(stand_in: ApiServer, failing: Cluster, tmp_path: Path) -> None:
    from tests.api_server.access import Played

    record = services.deploy(failing, "wine", wine(), {})
    played = Played(Access(stand_in.url, tmp_path, "models"), "wine")
    pod = played.pod(played.replica_set())
    played.container_is(pod, {"waiting": {"reason": "ContainerCreating"}})
    assert services.logs(failing, record, 10) == []


def test_warnings_of_the_server_are_kept(stand_in: ApiServer, failing: Cluster) -> None:
    failing._keep_warnings({"Warning": '299 - "would violate PodSecurity, restricted", 299 - "deprecated"'})
    assert failing.warnings == ["would violate PodSecurity, restricted", "deprecated"]


# -- kubeconfigs ------------------------------------------------------------------------------------


def test_without_a_kubeconfig_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.ContextNotFound, match="no current kube context in .*/.kube/config; there are: none"):
        open_cluster({"HOME": str(tmp_path)})


@pytest.mark.parametrize("text", ['{"apiVersion": "v1", "kind": "Config", "contexts": "none"}', "a: [", "1", "\0"])
def test_a_kubeconfig_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(errors.KubeconfigUnusable, match=str(path)):
        open_cluster({"KUBECONFIG": str(path), "HOME": str(tmp_path)})


def test_the_namespace_is_that_of_the_context(access: Access) -> None:
    environ = access.environ()
    assert open_cluster(environ).namespace == access.namespace
    assert open_cluster(environ, "elsewhere").namespace == "default"
    assert open_cluster(environ, "elsewhere", "models").namespace == "models"


def test_a_cluster_is_asked_for_pods_by_labels(cluster: Cluster) -> None:
    assert cluster.all_of(PODS, labels="a=b") == []
