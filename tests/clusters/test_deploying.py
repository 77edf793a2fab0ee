from __future__ import annotations

import pytest

from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes import services
from scoringhost.kubernetes.cluster import Cluster, open_cluster
from scoringhost.kubernetes.service import Autoscaling
from tests.api_server.access import APPLY, Access, Played
from tests.clusters.services import KEYS, wine

WAY = "apps/v1/deployments/wine"


def test_all_objects_of_a_service_are_there_after_it_was_deployed(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(), {"compute_type": "AKS"})
    assert access.kinds_left("wine") == [
        *("secrets wine-keys", "configmaps wine-settings", "configmaps wine.scoringhost", "services wine"),
        *("deployments wine", "poddisruptionbudgets wine"),
    ]
    assert services.record_of(cluster, "wine").details == {"compute_type": "AKS"}


def test_keys_are_in_the_secret_and_nowhere_else(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(), {})
    others = [access.ask("GET", path) for path in ("v1/configmaps", "apps/v1/deployments", "v1/services", "v1/events")]
    for key in KEYS.values():
        assert key not in str(others)


def test_deploying_the_same_again_changes_nothing(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(), {})
    before = access.ask("GET", WAY)
    services.deploy(cluster, "wine", wine(), {})
    assert access.ask("GET", WAY)["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_a_change_of_the_image_is_a_new_generation(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(), {})
    services.deploy(cluster, "wine", wine(image="registry.example.com/wine:2"), {})
    found = access.ask("GET", WAY)
    assert found["metadata"]["generation"] == 2
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example.com/wine:2"


def test_a_field_that_somebody_has_changed_is_not_overwritten_and_is_named_with_who_has(
    cluster: Cluster, access: Access
) -> None:
    services.deploy(cluster, "wine", wine(), {})
    access.edit(WAY, "kubectl-edit", ("spec.replicas", 3))
    with pytest.raises(errors.FieldsTaken) as caught:
        services.deploy(cluster, "wine", wine(replicas=2), {})
    assert caught.value.what == "Deployment wine"
    assert caught.value.fields == (errors.TakenField("spec.replicas", "kubectl-edit"),)
    assert access.ask("GET", WAY)["spec"]["replicas"] == 3


def test_nothing_at_all_is_changed_if_one_field_is_somebody_elses(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(), {})
    access.edit(WAY, "kubectl-edit", ("spec.replicas", 3))
    with pytest.raises(errors.FieldsTaken):
        services.deploy(cluster, "wine", wine(replicas=2, settings={"NEW": "1"}), {})
    assert "NEW" not in access.ask("GET", "v1/configmaps/wine-settings")["data"]


def test_force_takes_over_what_somebody_has_changed(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(), {})
    access.edit(WAY, "kubectl-edit", ("spec.replicas", 3))
    services.deploy(cluster, "wine", wine(replicas=2), {}, force=True)
    assert access.ask("GET", WAY)["spec"]["replicas"] == 2


def test_what_somebody_has_added_stays(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(), {})
    access.edit(WAY, "kubectl-edit", ("metadata.annotations.example", "theirs"))
    services.deploy(cluster, "wine", wine(replicas=2), {})
    assert access.ask("GET", WAY)["metadata"]["annotations"]["example"] == "theirs"


def test_an_object_of_that_name_that_is_somebody_elses_is_left_alone(cluster: Cluster, access: Access) -> None:
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "wine-settings"}, "data": {"A": "1"}}
    access.ask("POST", "v1/configmaps?fieldManager=helm", theirs)
    with pytest.raises(errors.ObjectTaken, match="ConfigMap wine-settings: it is there already, made by helm"):
        services.deploy(cluster, "wine", wine(), {})
    assert access.kinds_left("wine") == []


def test_a_service_that_is_there_is_not_replaced_unless_that_is_wanted(cluster: Cluster) -> None:
    services.deploy(cluster, "wine", wine(), {})
    with pytest.raises(errors.ServiceDeployed, match="there is a service 'wine' in namespace 'models"):
        services.deploy(cluster, "wine", wine(), {}, replaces=False)


def test_of_two_who_deploy_the_same_service_at_once_the_second_is_told(cluster: Cluster, access: Access) -> None:
    from scoringhost.kubernetes import applying
    from scoringhost.kubernetes.record import Record

    services.deploy(cluster, "wine", wine(), {})
    stale = services.record_of(cluster, "wine")
    services.deploy(cluster, "wine", wine(replicas=2), {})
    with pytest.raises(errors.ChangedMeanwhile, match="wine: somebody else has changed it just now"):
        applying.apply_all(cluster, stale, wine(replicas=3), {})
    with pytest.raises(errors.ChangedMeanwhile):
        applying.apply_all(cluster, Record("wine"), wine(replicas=3), {})
    assert access.ask("GET", WAY)["spec"]["replicas"] == 2


def test_delete_removes_what_was_made_and_nothing_else(cluster: Cluster, access: Access) -> None:
    labels = {"app.kubernetes.io/name": "wine"}
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes", "labels": labels}}
    access.ask("POST", "v1/configmaps", theirs)
    services.deploy(cluster, "wine", wine(autoscaling=Autoscaling(), replicas=None), {})
    assert services.delete(cluster, "wine") == []
    assert access.kinds_left("wine") == ["configmaps notes"]
    with pytest.raises(errors.ServiceNotDeployed):
        services.get(cluster, "wine")


def test_delete_leaves_an_object_that_somebody_has_made_in_the_place_of_ours(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(), {})
    access.ask("DELETE", "v1/configmaps/wine-settings")
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "wine-settings"}}
    access.ask("POST", "v1/configmaps?fieldManager=helm", theirs)
    assert services.delete(cluster, "wine") == ["ConfigMap wine-settings"]
    assert access.ask("GET", "v1/configmaps/wine-settings")["metadata"]["name"] == "wine-settings"


def test_objects_that_a_new_deployment_does_not_have_are_removed(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(autoscaling=Autoscaling(), replicas=None), {})
    assert "horizontalpodautoscalers wine" in access.kinds_left("wine")
    services.deploy(cluster, "wine", wine(keys={}), {})
    left = access.kinds_left("wine")
    assert "horizontalpodautoscalers wine" not in left
    assert "secrets wine-keys" not in left


def test_what_was_broken_off_is_deleted_whole(cluster: Cluster, access: Access) -> None:
    from dataclasses import replace

    from scoringhost.kubernetes import record as records

    services.deploy(cluster, "wine", wine(autoscaling=Autoscaling(), replicas=None), {})
    # As it is after the record was written, and before the autoscaler was removed.
    found = services.record_of(cluster, "wine")
    scaler = next(one for one in found.refs if one.kind == "HorizontalPodAutoscaler")
    kept = tuple(one for one in found.manifests if one["kind"] != "HorizontalPodAutoscaler")
    records.write(cluster, replace(found, manifests=kept, others=(scaler,)))
    services.delete(cluster, "wine")
    assert access.kinds_left("wine") == []


def test_the_number_of_replicas_stays_when_an_autoscaler_takes_over(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(replicas=4), {})
    services.deploy(cluster, "wine", wine(autoscaling=Autoscaling(), replicas=None), {})
    assert access.ask("GET", WAY)["spec"]["replicas"] == 4


def test_a_number_of_replicas_takes_over_from_an_autoscaler(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(replicas=4), {})
    services.deploy(cluster, "wine", wine(autoscaling=Autoscaling(), replicas=None), {})
    access.scale("wine", 7)
    services.deploy(cluster, "wine", wine(autoscaling=Autoscaling(), replicas=None, settings={"A": "1"}), {})
    assert access.ask("GET", WAY)["spec"]["replicas"] == 7
    services.deploy(cluster, "wine", wine(replicas=2), {})
    assert access.ask("GET", WAY)["spec"]["replicas"] == 2


def test_a_namespace_that_is_not_there_is_named(access: Access) -> None:
    cluster = open_cluster(access.environ(), namespace="nowhere")
    with pytest.raises(errors.NamespaceNotFound, match="no namespace 'nowhere'.*kubectl create namespace nowhere"):
        services.deploy(cluster, "wine", wine(), {})


def test_a_kind_that_the_cluster_does_not_have_is_named_before_anything_is_made(
    cluster: Cluster, access: Access
) -> None:
    with pytest.raises(errors.KindNotServed, match="ServiceMonitor wine: the cluster does not know this kind"):
        services.deploy(cluster, "wine", wine(with_monitor=True), {})
    assert access.kinds_left("wine") == []


def test_services_are_listed_with_their_states(cluster: Cluster, access: Access) -> None:
    services.deploy(cluster, "wine", wine(), {})
    services.deploy(cluster, "beer", wine(name="beer"), {})
    Played(access, "wine").healthy()
    found = {one.record.name: one.seen for one in services.get_all(cluster)}
    assert found["wine"]["wine"].state == "Healthy"
    assert found["beer"]["beer"].state == "Transitioning"


def test_manifests_that_kubectl_has_applied_are_taken_over_by_force_alone(cluster: Cluster, access: Access) -> None:
    for one in wine():
        plural = {"Secret": "v1/secrets", "ConfigMap": "v1/configmaps", "Service": "v1/services"}.get(one["kind"])
        if plural is not None:
            access.ask("PATCH", f"{plural}/{one['metadata']['name']}?fieldManager=kubectl", one, APPLY)
    with pytest.raises(errors.ObjectTaken, match="made by kubectl"):
        services.deploy(cluster, "wine", wine(), {})
    services.deploy(cluster, "wine", wine(), {}, force=True)
    assert services.delete(cluster, "wine") == []
