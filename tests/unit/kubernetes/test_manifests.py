"""What a service's manifests say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scoringhost.kubernetes.configuration import variables_of
from scoringhost.kubernetes.endpoint import EndpointOnKubernetes, EndpointVersion, endpoint_manifests_of, weights_of
from scoringhost.kubernetes.kserve import inference_service, inference_warnings_of
from scoringhost.kubernetes.manifests import manifests_of, needs_of, warnings_of
from scoringhost.kubernetes.quantities import cpu_quantity, duration, memory_quantity, thousandths
from scoringhost.kubernetes.service import Autoscaling, Probes, Resources, Route, ServiceOnKubernetes, Tokens
from scoringhost.kubernetes.yaml_text import as_yaml
from scoringhost.process.cpu_budget import THREAD_VARIABLES
from scoringhost.settings import SPECS, Settings
from tests.unit.kubernetes.soundness import of_kind

RIDGE = ServiceOnKubernetes(name="ridge", image="ridge:3", replicas=1)


def one(service: ServiceOnKubernetes, kind: str) -> Any:
    (found,) = of_kind(manifests_of(service), kind)
    return found


def container(service: ServiceOnKubernetes) -> Any:
    return one(service, "Deployment")["spec"]["template"]["spec"]["containers"][0]


def test_quantities_are_rounded_up_and_written_as_short_as_they_can_be() -> None:
    assert [cpu_quantity(cores) for cores in (0.1, 0.29, 1.5, 2, 0.0001)] == ["100m", "290m", "1500m", "2", "1m"]
    assert [memory_quantity(gib) for gib in (0.5, 1, 0.3, 2.5)] == ["512Mi", "1Gi", "308Mi", "2560Mi"]
    assert [thousandths(number) for number in (2800, 3000)] == ["2800m", "3"]
    assert [duration(seconds) for seconds in (6, 99_999, 100_000, 360_000)] == ["6s", "99999s", "27h2800s", "100h"]


def test_the_three_probes_are_apart() -> None:
    found = container(replace(RIDGE, probes=Probes(startup_s=311, period_s=7, timeout_s=3, failures=4, successes=2)))
    paths = {name: found[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"startupProbe": "/startupz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
    starting, living = found["startupProbe"], found["livenessProbe"]
    assert 311 <= starting["periodSeconds"] * starting["failureThreshold"] < 311 + starting["periodSeconds"]
    assert "initialDelaySeconds" not in str(found)
    assert (living["periodSeconds"], living["timeoutSeconds"], living["failureThreshold"]) == (7, 3, 4)
    assert found["readinessProbe"]["successThreshold"] == 2
    assert "successThreshold" not in {**starting, **living}


@pytest.mark.parametrize(("timeout_ms", "drain_s", "grace_s"), [(1, 20, 35), (60_000, 61, 76), (3_600_000, 3601, 3616)])
def test_a_pod_is_given_the_time_to_answer_what_it_has_taken_in(timeout_ms: int, drain_s: int, grace_s: int) -> None:
    service = replace(RIDGE, scoring_timeout_ms=timeout_ms)
    pod = one(service, "Deployment")["spec"]["template"]["spec"]
    assert variables_of(service)["SCORINGHOST_DRAIN_TIMEOUT_S"] == str(drain_s)
    assert pod["terminationGracePeriodSeconds"] == grace_s
    assert pod["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}


def test_all_that_is_before_the_service_waits_longer_than_the_service() -> None:
    route = Route(host="a.b", gateway="web")
    rule = one(replace(RIDGE, scoring_timeout_ms=5000, route=route), "HTTPRoute")["spec"]["rules"][0]
    assert rule["timeouts"] == {"request": "7s", "backendRequest": "7s"}
    ingress = one(replace(RIDGE, route=Route(host="a.b", ingress_class="nginx")), "Ingress")
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "62"
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"] == "100m"


def test_a_path_before_those_of_the_service_is_taken_off_and_is_in_its_document() -> None:
    behind = replace(RIDGE, route=Route(gateway="web", path="/ridge"))
    rule = one(behind, "HTTPRoute")["spec"]["rules"][0]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/ridge"}}]
    (rewrite,) = rule["filters"]
    assert rewrite["urlRewrite"]["path"] == {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    assert variables_of(behind)["SCORINGHOST_SERVICE_PATH_PREFIX"] == "/ridge"


def test_replicas_belong_to_the_autoscaler_or_to_the_deployment() -> None:
    assert one(replace(RIDGE, replicas=3), "Deployment")["spec"]["replicas"] == 3
    scaled = replace(RIDGE, replicas=None, autoscaling=Autoscaling(least=2, most=6), concurrency=4)
    assert "replicas" not in one(scaled, "Deployment")["spec"]
    spec = one(scaled, "HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 6)
    assert spec["metrics"][0]["pods"] == {
        "metric": {"name": "scoringhost_requests_in_flight"},
        "target": {"type": "AverageValue", "averageValue": "2800m"},
    }
    assert spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 60


def test_processors_are_a_metric_only_by_name() -> None:
    scaled = replace(RIDGE, replicas=None, autoscaling=Autoscaling(metric="cpu"), metrics_port=None)
    (metric,) = one(scaled, "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metric == {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }


def test_a_single_replica_may_be_taken_away_and_of_several_one_stays() -> None:
    assert one(RIDGE, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert one(replace(RIDGE, replicas=2), "PodDisruptionBudget")["spec"]["minAvailable"] == 1
    scaled = replace(RIDGE, replicas=None, autoscaling=Autoscaling())
    assert "minAvailable" not in one(scaled, "PodDisruptionBudget")["spec"]


def test_without_a_limit_libraries_that_compute_are_told_what_a_worker_asks_for() -> None:
    asked = replace(RIDGE, resources=Resources(cpu=4), concurrency=2)
    assert {variables_of(asked)[name] for name in THREAD_VARIABLES} == {"2"}
    assert {variables_of(RIDGE)[name] for name in THREAD_VARIABLES} == {"1"}  # a tenth of a core
    limited = replace(RIDGE, resources=Resources(cpu=4, cpu_limit=4))
    assert not set(THREAD_VARIABLES) & variables_of(limited).keys()


@pytest.mark.parametrize(("fields", "workers"), [
    ({"concurrency": 4}, 4), ({"concurrency": 5, "threads": 2}, 3),
    ({"concurrency": 4, "resources": Resources(gpus=1)}, 1),
    ({"concurrency": 4, "workers": 2, "resources": Resources(gpus=1)}, 2),
])  # fmt: skip
def test_each_call_at_once_has_a_worker_but_a_gpu_has_one(fields: dict[str, Any], workers: int) -> None:
    assert replace(RIDGE, **fields).worker_count == workers


def test_what_is_worth_knowing_of_a_gpu_is_said() -> None:
    with_gpu = replace(RIDGE, concurrency=4, resources=Resources(gpus=1))
    rollout, waiting = warnings_of(with_gpu)
    assert "unless a GPU is free" in rollout
    assert "of 4 calls at once the others wait" in waiting
    assert container(with_gpu)["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert warnings_of(RIDGE) == needs_of(RIDGE) == []


def test_what_the_cluster_must_have_is_said() -> None:
    scaled = replace(RIDGE, replicas=None, autoscaling=Autoscaling(), with_monitor=True, route=Route(gateway="web/out"))
    assert [sentence.split(" needs ")[1].split(",")[0].split(" in ")[0] for sentence in needs_of(scaled)] == [
        "Prometheus and prometheus-adapter", "the Prometheus operator", "the Gateway API",
    ]  # fmt: skip


def test_only_what_is_read_once_starts_new_pods() -> None:
    def digest(service: ServiceOnKubernetes) -> str:
        return str(
            one(service, "Deployment")["spec"]["template"]["metadata"]["annotations"]["scoringhost/settings-hash"]
        )

    keyed = replace(RIDGE, keys={"primary": "a"})
    assert digest(keyed) == digest(replace(keyed, keys={"primary": "b"}))  # a file, which is read again
    assert digest(RIDGE) != digest(replace(RIDGE, settings={"SCORINGHOST_NAN": "literal"}))
    assert digest(RIDGE) != digest(replace(RIDGE, secret_settings={"SCORINGHOST_APP_INSIGHTS_KEY": "x"}))


def test_every_variable_of_ours_is_a_setting_that_can_be_read() -> None:
    tokens = Tokens(keys='{"keys": []}', issuer="i", audience="a")
    full = replace(RIDGE, version="2", threads=2, concurrency=4, grpc_port=8081, keys={"primary": "a"}, tokens=tokens)
    variables = variables_of(full)
    names = {name.removeprefix("SCORINGHOST_").lower() for name in variables if name.startswith("SCORINGHOST_")}
    assert names <= SPECS.keys()
    settings, warnings = Settings.load(variables)
    assert (warnings, settings.port, settings.workers, settings.threads) == ([], 5001, 2, 2)
    assert (settings.keys_file, settings.token_keys) == (
        "/run/scoringhost/keys", "/run/scoringhost/token-keys/jwks.json",
    )  # fmt: skip


def test_the_key_that_tokens_are_signed_with_is_given_to_no_pod() -> None:
    service = replace(RIDGE, tokens=Tokens(keys='{"keys": []}', issuer="i", audience="a", signing_key="PEM"))
    assert one(service, "Secret")["stringData"] == {"private.pem": "PEM"}
    assert "ridge-token-signing" not in str(one(service, "Deployment"))
    fetched = replace(RIDGE, tokens=Tokens(keys="https://issuer/keys", issuer="i", audience="a"))
    assert [manifest["kind"] for manifest in manifests_of(fetched)].count("ConfigMap") == 1
    assert variables_of(fetched)["SCORINGHOST_TOKEN_KEYS"] == "https://issuer/keys"


def test_tags_are_annotations_as_labels_take_few_letters() -> None:
    tagged = replace(RIDGE, tags={"area": "hé llo"}, properties={"run": "42"}, description="Ridge", models=("ridge:3",))
    assert one(tagged, "Deployment")["metadata"]["annotations"] == {
        "scoringhost/description": "Ridge", "scoringhost/tags": '{"area": "hé llo"}',
        "scoringhost/properties": '{"run": "42"}', "scoringhost/models": '["ridge:3"]',
    }  # fmt: skip


def test_a_policy_opens_its_ports_to_the_namespaces_that_are_named() -> None:
    (rule,) = one(replace(RIDGE, allowed_from=("web",)), "NetworkPolicy")["spec"]["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}}]
    assert [port["port"] for port in rule["ports"]] == ["http", "metrics"]
    assert of_kind(manifests_of(RIDGE), "NetworkPolicy") == []


# -- several versions ---------------------------------------------------------------------------------


def endpoint(**percents: float) -> EndpointOnKubernetes:
    keyed = replace(RIDGE, keys={"primary": "k"})
    versions = tuple(
        EndpointVersion(service=replace(keyed, version=name), percent=percent, is_control=name == "b")
        for name, percent in percents.items()
    )
    return EndpointOnKubernetes(name="ridge", versions=versions, default="a", route=Route(gateway="web"))


@pytest.mark.parametrize(("percents", "weights"), [
    ({"a": 0, "b": 10}, [90, 10]), ({"a": 20, "b": 40}, [60, 40]), ({"a": 0, "b": 0}, [100, 0]),
    ({"a": 0, "b": 100}, [0, 100]), ({"a": 0, "b": 0.5, "c": 12.25}, [8725, 50, 1225]),
    ({"a": 0, "b": 33.3, "c": 33.3, "d": 33.4}, [0, 333, 333, 334]),
])  # fmt: skip
def test_what_the_percentages_leave_goes_to_the_default(percents: dict[str, float], weights: list[int]) -> None:
    assert weights_of(endpoint(**percents)) == {f"ridge-{name}": w for name, w in zip(percents, weights, strict=True)}


def test_versions_have_objects_of_their_own_and_the_keys_in_common() -> None:
    made = endpoint_manifests_of(endpoint(a=0, b=10))
    assert [each["metadata"]["name"] for each in of_kind(made, "Deployment")] == ["ridge-a", "ridge-b"]
    assert [each["metadata"]["name"] for each in of_kind(made, "Secret")] == ["ridge-keys"]
    kinds = [each["metadata"]["annotations"]["scoringhost/version-type"] for each in of_kind(made, "Deployment")]
    assert kinds == ["treatment", "control"]
    (route,) = of_kind(made, "HTTPRoute")
    assert route["spec"]["rules"][0]["backendRefs"] == [
        {"name": "ridge-a", "port": 80, "weight": 90}, {"name": "ridge-b", "port": 80, "weight": 10},
    ]  # fmt: skip


# -- KServe -------------------------------------------------------------------------------------------


def test_an_inference_service_scales_by_the_share_of_the_calls_at_once() -> None:
    service = replace(RIDGE, replicas=None, autoscaling=Autoscaling(least=2, most=6), concurrency=4)
    made = inference_service(service)
    assert made["metadata"]["annotations"]["autoscaling.knative.dev/target-utilization-percentage"] == "70"
    predictor = made["spec"]["predictor"]
    assert [predictor[name] for name in ("minReplicas", "maxReplicas", "containerConcurrency")] == [2, 6, 4]
    assert predictor["timeout"] == 62
    by_cpu = replace(service, autoscaling=Autoscaling(metric="cpu", utilization=60))
    made = inference_service(by_cpu)
    assert made["metadata"]["annotations"]["autoscaling.knative.dev/class"] == "hpa.autoscaling.knative.dev"
    assert (made["spec"]["predictor"]["scaleMetric"], made["spec"]["predictor"]["scaleTarget"]) == ("cpu", 60)


def test_its_model_has_the_name_that_clients_of_kserve_ask_for() -> None:
    (found,) = inference_service(RIDGE)["spec"]["predictor"]["containers"]
    variables = {each["name"]: each["value"] for each in found["env"]}
    assert (found["name"], variables["SCORINGHOST_MODEL_NAME"]) == ("kserve-container", "ridge")
    assert variables["SCORINGHOST_SHUTDOWN_DELAY_S"] == "5"  # in place of preStop, which Knative does not take
    assert "lifecycle" not in found


def test_knative_has_one_port_and_standard_both() -> None:
    both = replace(RIDGE, grpc_port=8081)

    def container_of(mode: str) -> Any:
        return inference_service(both, mode)["spec"]["predictor"]["containers"][0]

    assert [port["name"] for port in container_of("standard")["ports"]] == ["http1", "h2c"]
    assert [port["name"] for port in container_of("knative")["ports"]] == ["h2c"]
    assert container_of("knative")["readinessProbe"]["grpc"] == {"port": 8081}
    assert "startupProbe" in container_of("standard")
    assert "startupProbe" not in container_of("knative")
    assert "REST is not reached" in inference_warnings_of(both)[0]
    assert inference_warnings_of(both, "standard") == []


def test_keys_can_be_read_where_there_is_no_group_for_files() -> None:
    (volume,) = [
        one
        for one in inference_service(replace(RIDGE, keys={"a": "k"}))["spec"]["predictor"]["volumes"]
        if "secret" in one
    ]
    assert volume["secret"]["defaultMode"] == 0o444


@pytest.mark.parametrize(("fields", "said"), [
    ({"scoring_timeout_ms": 700_000}, "max-revision-timeout-seconds"), ({"route": Route(host="a.b")}, "route: KServe"),
    ({"allowed_from": ()}, "allowed_from: KServe"), ({"with_monitor": True}, "with_monitor: KServe"),
])  # fmt: skip
def test_what_kserve_does_by_itself_or_not_at_all_is_said(fields: dict[str, Any], said: str) -> None:
    assert said in inference_warnings_of(replace(RIDGE, **fields))[0]


# -- as text ------------------------------------------------------------------------------------------


def test_yaml_is_as_a_person_writes_it() -> None:
    text = as_yaml(manifests_of(replace(RIDGE, keys={"primary": "12e45"}, description="on")))
    assert text.startswith("apiVersion: v1\nkind: Secret\nmetadata:\n  name: ridge-keys\n")
    assert '  primary: "12e45"\n' in text  # a number to other readers
    assert 'scoringhost/description: "on"\n' in text
    assert "defaultMode: 0440\n" in text
    assert "\n---\n" in text
    assert "&id" not in text
    assert "{" not in text
