from __future__ import annotations

import pytest

from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes import services
from scoringhost.kubernetes.cluster import Cluster
from scoringhost.kubernetes.cluster_keys import change_key, keys_of
from tests.api_server.access import Access
from tests.clusters.services import KEYS, wine


def test_keys_are_read_from_the_cluster(cluster: Cluster) -> None:
    record = services.deploy(cluster, "wine", wine(), {})
    assert keys_of(cluster, record) == KEYS


def test_a_service_without_keys_has_none(cluster: Cluster) -> None:
    record = services.deploy(cluster, "wine", wine(keys={}), {})
    assert keys_of(cluster, record) == {}
    with pytest.raises(errors.KeysMissing, match="wine has no keys"):
        change_key(cluster, record, "primary", "new")


def test_of_two_keys_one_is_changed_and_the_other_goes_on(cluster: Cluster, access: Access) -> None:
    record = services.deploy(cluster, "wine", wine(), {})
    before = access.ask("GET", "apps/v1/deployments/wine")
    change_key(cluster, record, "primary", "another-key-0123456789")
    assert keys_of(cluster, record) == {**KEYS, "primary": "another-key-0123456789"}
    # No pod is started again for it.
    after = access.ask("GET", "apps/v1/deployments/wine")
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_a_key_that_was_changed_stays_when_it_is_deployed_again_with_the_keys_of_the_cluster(
    cluster: Cluster, access: Access
) -> None:
    record = services.deploy(cluster, "wine", wine(), {})
    change_key(cluster, record, "secondary", "another-key-0123456789")
    services.deploy(cluster, "wine", wine(keys=keys_of(cluster, record), replicas=2), {})
    assert keys_of(cluster, record)["secondary"] == "another-key-0123456789"


def test_labels_of_the_secret_stay_when_a_key_is_changed(cluster: Cluster, access: Access) -> None:
    record = services.deploy(cluster, "wine", wine(), {})
    change_key(cluster, record, "primary", "another-key-0123456789")
    labels = access.ask("GET", "v1/secrets/wine-keys")["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "scoringhost"


def test_a_key_that_somebody_has_changed_by_hand_is_the_key(cluster: Cluster, access: Access) -> None:
    record = services.deploy(cluster, "wine", wine(), {})
    access.edit("v1/secrets/wine-keys", "kubectl-edit", ("data.primary", "YnktaGFuZC0wMTIzNDU2Nzg5"))
    assert keys_of(cluster, record)["primary"] == "by-hand-0123456789"
    change_key(cluster, record, "primary", "another-key-0123456789")
    assert keys_of(cluster, record)["primary"] == "another-key-0123456789"
