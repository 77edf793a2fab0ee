"""On whole clusters, with kubelets: that of KUBECONFIG, if it may be used for it.

It makes a namespace of its own there, and removes it. That KUBECONFIG is set is no permission: it may be production.
SCORINGHOST_TEST_IMAGE names an image of a service that needs nothing; without it only failures are looked at.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes import services
from scoringhost.kubernetes.cluster import Cluster, open_cluster
from scoringhost.kubernetes.cluster_keys import change_key, keys_of
from tests.clusters.services import wine

ALLOWED = os.environ.get("KUBECONFIG") and os.environ.get("SCORINGHOST_TEST_CLUSTER")
IMAGE = os.environ.get("SCORINGHOST_TEST_IMAGE")
pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(not ALLOWED, reason="NO CLUSTER: set KUBECONFIG and SCORINGHOST_TEST_CLUSTER=1 to use one"),
]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    from kubernetes import client, config

    namespace = f"scoringhost-test-{uuid.uuid4().hex[:8]}"
    config.load_kube_config(os.environ["KUBECONFIG"])
    api: Any = client.CoreV1Api()
    api.create_namespace({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    yield open_cluster(os.environ, namespace=namespace)
    api.delete_namespace(namespace)


def test_an_image_that_is_not_there_is_a_failure_that_names_it(cluster: Cluster) -> None:
    image = "localhost/no-such-image:1"
    record = services.deploy(cluster, "wine", wine(image=image), {})
    with pytest.raises(errors.RolloutFailed, match=image):
        services.wait(cluster, record, timeout_s=120)
    assert services.delete(cluster, "wine") == []


@pytest.mark.skipif(not IMAGE, reason="NO IMAGE: SCORINGHOST_TEST_IMAGE names none")
def test_a_service_runs_its_keys_are_changed_and_it_is_deleted(cluster: Cluster) -> None:
    record = services.deploy(cluster, "wine", wine(image=IMAGE), {})
    assert services.wait(cluster, record, timeout_s=300)["wine"].state == "Healthy"
    assert "is ready for requests" in "\n".join(services.logs(cluster, record, 100))
    assert services.drift(cluster, record) == []
    change_key(cluster, record, "primary", "another-key-0123456789")
    assert keys_of(cluster, record)["primary"] == "another-key-0123456789"
    assert services.delete(cluster, "wine") == []
