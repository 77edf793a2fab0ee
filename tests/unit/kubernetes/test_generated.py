"""Two hundred configurations: what is made of each passes the schemas, and the checks that go beyond them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoringhost.azureml.core.webservice import AksEndpoint, AksWebservice
from scoringhost.kubernetes.endpoint import endpoint_manifests_of
from scoringhost.kubernetes.kserve import MODES, inference_manifests_of
from scoringhost.kubernetes.manifests import manifests_of
from scoringhost.kubernetes.yaml_text import as_yaml
from tests.unit.kubernetes.configurations import aks_configurations, surroundings
from tests.unit.kubernetes.schemas import NEWEST, OLDEST, VERSIONS, errors_of
from tests.unit.kubernetes.soundness import faults_of

IMAGE = "registry.example.com/ridge:3"
MANY = settings(
    max_examples=200, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


def assert_good(manifests: list[dict[str, Any]], versions: list[str]) -> None:
    assert faults_of(manifests) == []
    assert [error for version in versions for error in errors_of(manifests, version)] == []


def all_of(configuration: dict[str, Any], more: dict[str, Any], versions: list[str]) -> None:
    service = AksWebservice.deploy_configuration(**configuration).on_kubernetes("ridge", IMAGE, **more)
    assert_good(manifests_of(service), versions)
    for mode in MODES:
        assert_good(inference_manifests_of(service, mode), versions[:1])


@settings(MANY, max_examples=50)  # the drill below has all
@given(aks_configurations(), surroundings())
def test_every_configuration_becomes_manifests_that_a_cluster_takes(
    configuration: dict[str, Any], more: dict[str, Any]
) -> None:
    all_of(configuration, more, [OLDEST, NEWEST])


@pytest.mark.drill
@MANY
@given(aks_configurations(), surroundings())
def test_so_does_a_cluster_of_every_version(configuration: dict[str, Any], more: dict[str, Any]) -> None:
    all_of(configuration, more, VERSIONS)


@settings(MANY, max_examples=50)
@given(st.lists(aks_configurations(), min_size=1, max_size=5), st.lists(st.integers(0, 2000), min_size=6, max_size=6))
def test_every_endpoint_becomes_manifests_that_a_cluster_takes(
    versions: list[dict[str, Any]], shares: list[int]
) -> None:
    first, *others = versions
    endpoint = AksEndpoint.deploy_configuration(version_name="v0", traffic_percentile=shares[0] / 100, **first)
    of_all = ("auth_enabled", "token_auth_enabled", "primary_key", "secondary_key", "namespace")
    for at, one in enumerate(others, 1):
        own = {name: value for name, value in one.items() if name not in of_all}
        endpoint.create_version(f"v{at}", traffic_percentile=shares[at] / 100, **own)
    made = endpoint_manifests_of(endpoint.endpoint_on_kubernetes("ridge", IMAGE))
    assert_good(made, [NEWEST])


@settings(MANY, max_examples=30)
@given(aks_configurations(), surroundings())
def test_what_is_written_is_read_as_the_same(configuration: dict[str, Any], more: dict[str, Any]) -> None:
    service = AksWebservice.deploy_configuration(**configuration).on_kubernetes("ridge", IMAGE, **more)
    for manifests in (manifests_of(service), inference_manifests_of(service)):
        assert list(yaml.load_all(as_yaml(manifests), yaml.CSafeLoader)) == manifests
