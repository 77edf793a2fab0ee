from __future__ import annotations

import pytest

from scoringhost.kubernetes import services
from scoringhost.kubernetes.cluster import Cluster
from scoringhost.kubernetes.record import Record
from tests.api_server.access import Access
from tests.clusters.services import wine

WAY = "apps/v1/deployments/wine"


@pytest.fixture
def record(cluster: Cluster) -> Record:
    return services.deploy(cluster, "wine", wine(settings={"LEVEL": "info"}), {})


def test_what_was_just_applied_is_as_it_was_applied(cluster: Cluster, record: Record) -> None:
    assert services.drift(cluster, record) == []


def test_a_changed_field_is_shown_with_both_values_and_who_has_changed_it(
    cluster: Cluster, record: Record, access: Access
) -> None:
    access.edit(WAY, "kubectl-edit", ("spec.replicas", 3))
    (found,) = services.drift(cluster, record)
    assert (found.what, found.field, found.ours, found.theirs) == ("Deployment wine", "spec.replicas", "1", "3")
    assert found.manager == "kubectl-edit"
    assert found.at
    assert str(found).startswith("Deployment wine: spec.replicas is 3, not 1, set by kubectl-edit at 20")


def test_a_field_of_a_container_is_named_with_the_container(cluster: Cluster, record: Record, access: Access) -> None:
    access.edit(WAY, "kubectl-edit", ("spec.template.spec.containers.0.image", "wine:debug"))
    (found,) = services.drift(cluster, record)
    assert found.field == "spec.template.spec.containers[scoring].image"
    assert found.manager == "kubectl-edit"


def test_a_value_of_a_config_map_that_was_changed_or_removed_is_shown(
    cluster: Cluster, record: Record, access: Access
) -> None:
    access.edit("v1/configmaps/wine-settings", "vim", ("data.LEVEL", "debug"))
    assert [one.field for one in services.drift(cluster, record)] == ["data.LEVEL"]


def test_a_field_that_somebody_has_added_is_shown(cluster: Cluster, record: Record, access: Access) -> None:
    access.edit("v1/configmaps/wine-settings", "vim", ("data.MORE", "1"))
    (found,) = services.drift(cluster, record)
    assert (found.field, found.theirs, found.manager) == ("data.MORE", '"1"', "vim")
    assert str(found).startswith('ConfigMap wine-settings: data.MORE is "1", added by vim')


def test_a_variable_that_somebody_has_added_is_one_line(cluster: Cluster, record: Record, access: Access) -> None:
    variables = [{"name": "DEBUG", "value": "1"}]
    access.edit(WAY, "kubectl-set", ("spec.template.spec.containers.0.env", variables))
    (found,) = services.drift(cluster, record)
    assert (found.field, found.theirs) == ("spec.template.spec.containers[scoring].env[DEBUG].value", '"1"')


def test_an_object_that_is_gone_is_shown(cluster: Cluster, record: Record, access: Access) -> None:
    access.ask("DELETE", "policy/v1/poddisruptionbudgets/wine")
    assert [str(one) for one in services.drift(cluster, record)] == ["PodDisruptionBudget wine: it is gone"]


def test_a_changed_key_is_no_drift_and_a_missing_one_is(cluster: Cluster, record: Record, access: Access) -> None:
    access.edit("v1/secrets/wine-keys", "kubectl-edit", ("data.primary", "YnktaGFuZA=="))
    assert services.drift(cluster, record) == []
    access.edit("v1/secrets/wine-keys", "kubectl-edit", ("data", {"primary": "YnktaGFuZA=="}))
    (found,) = services.drift(cluster, record)
    assert (found.ours, found.theirs) == ("with primary, secondary", "with primary")


def test_deploying_by_force_ends_it(cluster: Cluster, record: Record, access: Access) -> None:
    access.edit(WAY, "kubectl-edit", ("spec.replicas", 3))
    services.deploy(cluster, "wine", wine(settings={"LEVEL": "info"}), {}, force=True)
    assert services.drift(cluster, record) == []
