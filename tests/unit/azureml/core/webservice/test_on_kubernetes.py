"""Configurations of AksWebservice and AksEndpoint as manifests: each parameter goes where it belongs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scoringhost.azureml._hub import NoCounterpart
from scoringhost.azureml.core.webservice import AksEndpoint, AksWebservice
from scoringhost.azureml.core.webservice._on_kubernetes import WorthKnowing
from scoringhost.azureml.exceptions import WebserviceException
from scoringhost.kubernetes.configuration import variables_of
from scoringhost.kubernetes.service import Autoscaling, Probes, Resources, ServiceOnKubernetes


def service(**given: Any) -> ServiceOnKubernetes:
    return AksWebservice.deploy_configuration(**given).on_kubernetes("ridge", "ridge:3")


def test_what_is_not_said_has_azures_defaults() -> None:
    made = service()
    assert made.autoscaling == Autoscaling(least=1, most=10, utilization=70)
    assert made.resources == Resources(cpu=0.1, memory_gib=0.5)
    assert made.probes == Probes(startup_s=310, period_s=10, timeout_s=2, failures=3, successes=1)
    assert (made.concurrency, made.scoring_timeout_ms, made.max_request_wait_ms) == (1, 60_000, 500)
    assert (made.namespace, made.replicas, sorted(made.keys)) == (None, None, ["primary", "secondary"])


def test_every_parameter_goes_to_its_field() -> None:
    made = service(
        autoscale_enabled=True, autoscale_min_replicas=2, autoscale_max_replicas=6, autoscale_target_utilization=60,
        cpu_cores=0.5, cpu_cores_limit=1, memory_gb=1, memory_gb_limit=2, gpu_cores=1, scoring_timeout_ms=5000,
        replica_max_concurrent_requests=4, max_request_wait_time=250, period_seconds=7, initial_delay_seconds=60,
        timeout_seconds=3, success_threshold=2, failure_threshold=4, namespace="models", tags={"area": "diabetes"},
        properties={"run": 42}, description="Ridge", primary_key="first", secondary_key="second",
    )  # fmt: skip
    assert made.autoscaling == Autoscaling(least=2, most=6, utilization=60)
    assert made.resources == Resources(cpu=0.5, cpu_limit=1, memory_gib=1, memory_limit_gib=2, gpus=1)
    assert made.probes == Probes(startup_s=60, period_s=7, timeout_s=3, failures=4, successes=2)
    assert (made.concurrency, made.scoring_timeout_ms, made.max_request_wait_ms) == (4, 5000, 250)
    assert (made.namespace, made.description, made.tags, made.properties) == (
        "models", "Ridge", {"area": "diabetes"}, {"run": "42"},
    )  # fmt: skip
    assert made.keys == {"primary": "first", "secondary": "second"}


def test_so_many_replicas_go_without_an_autoscaler() -> None:
    made = service(num_replicas=3.0)
    assert (made.replicas, made.autoscaling) == (3, None)


def test_whoever_may_come_in_is_keys_or_tokens_or_everybody() -> None:
    assert service(auth_enabled=False).keys == {}
    half = service(primary_key="first")
    assert half.keys["primary"] == "first"
    assert len(half.keys["secondary"]) > 30
    assert half.keys["secondary"] != service(primary_key="first").keys["secondary"]
    by_token = service(token_auth_enabled=True)
    assert by_token.keys == {}
    assert by_token.tokens is not None
    assert (by_token.tokens.issuer, by_token.tokens.audience) == ("scoringhost", "ridge")


def test_a_token_that_is_signed_with_the_key_is_let_in_by_the_public_one() -> None:
    jwt = pytest.importorskip("jwt")
    tokens = service(token_auth_enabled=True).tokens
    assert tokens is not None
    (public,) = json.loads(tokens.keys)["keys"]
    claims = {"iss": tokens.issuer, "aud": tokens.audience}
    token = jwt.encode(claims, tokens.signing_key, algorithm="EdDSA", headers={"kid": public["kid"]})
    key = jwt.PyJWK(public)
    assert jwt.decode(token, key, algorithms=["EdDSA"], audience="ridge") == claims


def test_application_insights_is_switched_on_and_what_it_lacks_is_said() -> None:
    with pytest.warns(NoCounterpart, match="enable_app_insights sends nothing unless"):
        made = service(enable_app_insights=True)
    assert variables_of(made)["SCORINGHOST_APP_INSIGHTS_ENABLED"] == "true"


def test_what_has_no_counterpart_is_warned_of_by_name() -> None:
    given = {"autoscale_enabled": True, "autoscale_refresh_seconds": 1, "collect_model_data": True}
    with pytest.warns(NoCounterpart, match="autoscale_refresh_seconds, collect_model_data, blobfuse_enabled$"):
        AksWebservice.deploy_configuration(**given, blobfuse_enabled=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "more", "said"), [
    ("Ridge", {}, "no name for a service"), ("ab", {}, "3 to 32"),
    ("ridge", {"target": "docker"}, "kubernetes or kserve"),
    ("ridge", {"host": "a b"}, "route.host must be"), ("ridge", {"image": "a b"}, "image must be"),
    ("ridge", {"settings": {"SCORINGHOST_PORT": "1"}}, "is made of the field port"),
])  # fmt: skip
def test_what_cannot_be_is_an_error_of_the_sdk(name: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(WebserviceException, match=said):
        AksWebservice.deploy_configuration().manifests(name, **{"image": "ridge:3", **more})


def test_manifests_are_for_kubernetes_or_for_kserve() -> None:
    made = AksWebservice.deploy_configuration(namespace="models")
    kinds = [one["kind"] for one in made.manifests("ridge", image="ridge:3", host="a.example.org")]
    assert kinds == [
        "Secret", "ConfigMap", "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress",
    ]  # fmt: skip
    kinds = [one["kind"] for one in made.manifests("ridge", image="ridge:3", target="kserve")]
    assert kinds == ["Secret", "InferenceService"]
    routed = made.manifests("ridge", image="ridge:3", host="a.example.org", gateway="web/outside")
    assert routed[-1]["kind"] == "HTTPRoute"


def test_what_is_worth_knowing_is_a_warning() -> None:
    with pytest.warns(WorthKnowing, match="unless a GPU is free"):
        AksWebservice.deploy_configuration(gpu_cores=1).manifests("ridge", image="ridge:3")


# -- an endpoint of several versions ------------------------------------------------------------------


@pytest.fixture
def endpoint() -> Any:
    return AksEndpoint.deploy_configuration(version_name="a", namespace="models", primary_key="first")


def weights(endpoint: Any) -> dict[str, int]:
    route = endpoint.manifests("ridge", image="ridge:3")[-1]
    return {
        one["name"].removeprefix("ridge-"): one.get("weight", 1) for one in route["spec"]["rules"][0]["backendRefs"]
    }


def test_the_first_version_is_the_default_and_gets_what_the_others_leave(endpoint: Any) -> None:
    assert weights(endpoint) == {"a": 1}
    endpoint.create_version("b", traffic_percentile=10, num_replicas=2)
    endpoint.create_version("c", traffic_percentile=20.5)
    assert weights(endpoint) == {"a": 695, "b": 100, "c": 205}


def test_another_version_may_become_the_default(endpoint: Any) -> None:
    endpoint.create_version("b", traffic_percentile=10, is_default=True)
    assert (endpoint.default_version, weights(endpoint)) == ("b", {"a": 0, "b": 100})
    endpoint.update_version("a", is_default=True, traffic_percentile=30)
    assert weights(endpoint) == {"a": 90, "b": 10}


def test_an_update_changes_what_is_given_and_keeps_the_rest(endpoint: Any) -> None:
    endpoint.create_version("b", traffic_percentile=10, cpu_cores=2, num_replicas=1)
    endpoint.update_version("b", num_replicas=3)
    kept = endpoint.versions["b"]
    assert (kept.configuration.cpu_cores, kept.configuration.num_replicas, kept.traffic_percentile) == (2, 3, 10)


def test_a_version_that_is_deleted_leaves_its_share_to_the_default(endpoint: Any) -> None:
    endpoint.create_version("b", traffic_percentile=10)
    endpoint.create_version("c", traffic_percentile=20)
    endpoint.delete_version("b")
    assert weights(endpoint) == {"a": 80, "c": 20}


def test_there_is_one_control_and_the_others_are_treatments(endpoint: Any) -> None:
    endpoint.create_version("b", is_control_version_type=True)
    endpoint.update_version("a", is_control_version_type=True)
    made = endpoint.manifests("ridge", image={"a": "ridge:1", "b": "ridge:2"}, gateway="web")
    deployments = {one["metadata"]["name"]: one for one in made if one["kind"] == "Deployment"}
    kinds = {name: one["metadata"]["annotations"]["scoringhost/version-type"] for name, one in deployments.items()}
    assert kinds == {"ridge-a": "control", "ridge-b": "treatment"}
    images = [one["spec"]["template"]["spec"]["containers"][0]["image"] for one in deployments.values()]
    assert images == ["ridge:1", "ridge:2"]


def test_all_versions_take_the_same_keys_in_one_namespace(endpoint: Any) -> None:
    endpoint.create_version("b")
    made = endpoint.manifests("ridge", image="ridge:3")
    (secret,) = [one for one in made if one["kind"] == "Secret"]
    assert (secret["metadata"]["name"], secret["stringData"]["primary"]) == ("ridge-keys", "first")
    assert {one["metadata"]["namespace"] for one in made} == {"models"}


@pytest.mark.parametrize(("change", "said"), [
    (lambda endpoint: endpoint.create_version("a"), "there is a version 'a' already"),
    (lambda endpoint: endpoint.create_version("c", traffic_percentile=101), "from 0 to 100"),
    (lambda endpoint: endpoint.create_version("c", traffic_percentile=61), "b 40, c 61 are 101 together"),
    (lambda endpoint: endpoint.update_version("b", traffic_percentile=100.5), "from 0 to 100"),
    (lambda endpoint: endpoint.update_version("x"), "there is no version 'x'; there are a, b"),
    (lambda endpoint: endpoint.update_version("a", is_default=False), "make another one the default"),
    (lambda endpoint: endpoint.update_version("b", cpu_cores=-1), "cpu_cores must be greater"),
    (lambda endpoint: endpoint.update_version("b", cpus=1), "unexpected keyword argument 'cpus'"),
    (lambda endpoint: endpoint.delete_version("a"), "is the default version"),
    (lambda endpoint: endpoint.delete_version("x"), "there is no version"),
    (lambda endpoint: endpoint.create_version("c", primary_key="x"), "primary_key: of the whole endpoint"),
    (lambda endpoint: [endpoint.create_version(f"v{at}") for at in range(5)], "6 versions at most"),
    (lambda endpoint: endpoint.manifests("ridge", image={"a": "x"}), "image: there is none for b"),
    (lambda endpoint: endpoint.manifests("ridge", image="x", target="kserve"), "canaryTrafficPercent"),
])  # fmt: skip
def test_what_cannot_be_is_refused_and_changes_nothing(endpoint: Any, change: Any, said: str) -> None:
    endpoint.create_version("b", traffic_percentile=40)
    with pytest.raises(WebserviceException, match=said):
        change(endpoint)
    assert weights(endpoint)["b"] == 40
    assert endpoint.default_version == "a"
