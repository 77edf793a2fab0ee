"""How services are to run: every check, and the files of `az ml`."""

import json
from pathlib import Path

import pytest

from scoringhost.azureml import AciWebservice, AksWebservice, LocalWebservice
from scoringhost.azureml._hub import NoCounterpart
from scoringhost.azureml.core.webservice import AksEndpoint
from scoringhost.azureml.core.webservice.files import deployment_config_from_json, read_deployment_config
from scoringhost.azureml.exceptions import WebserviceException

ON = {"autoscale_enabled": True}


@pytest.mark.parametrize(("given", "said"), [
    ({"cpu_cores": 0}, "cpu_cores must be greater than zero"),
    ({"memory_gb": -1}, "memory_gb must be greater than zero"),
    ({"gpu_cores": -1}, "gpu_cores must be greater than or equal to zero"),
    ({"gpu_cores": 0.5}, "gpu_cores must be a whole number"),
    ({"cpu_cores": 1, "cpu_cores_limit": 0.5}, "cpu_cores_limit must be greater than or equal to cpu_cores"),
    ({"memory_gb": 2, "memory_gb_limit": 1}, "memory_gb_limit must be greater than or equal to memory_gb"),
    ({"period_seconds": 0}, "period_seconds"), ({"initial_delay_seconds": 0}, "initial_delay_seconds"),
    ({"timeout_seconds": 0}, "timeout_seconds"), ({"success_threshold": 0}, "success_threshold"),
    ({"failure_threshold": 0}, "failure_threshold"), ({"scoring_timeout_ms": 0}, "scoring_timeout_ms"),
    ({"replica_max_concurrent_requests": 0}, "replica_max_concurrent_requests"),
    ({"max_request_wait_time": 0}, "max_request_wait_time"), ({"num_replicas": 0}, "num_replicas"),
    ({**ON, "num_replicas": 3}, "autoscale enabled and num_replicas provided"),
    ({"autoscale_enabled": False}, "autoscale disabled but num_replicas not provided"),
    ({**ON, "autoscale_min_replicas": 0}, "autoscale_min_replicas"),
    ({**ON, "autoscale_max_replicas": 0}, "autoscale_max_replicas"),
    ({**ON, "autoscale_min_replicas": 4, "autoscale_max_replicas": 3}, "cannot be greater than"),
    ({**ON, "autoscale_refresh_seconds": 0}, "autoscale_refresh_seconds"),
    ({**ON, "autoscale_target_utilization": 0}, "autoscale_target_utilization"),
    ({"autoscale_max_replicas": 3}, "autoscale_max_replicas provided without enabling autoscaling"),
    ({"num_replicas": 2, "autoscale_min_replicas": 1}, "without enabling autoscaling"),
    ({"auth_enabled": True, "token_auth_enabled": True}, "cannot both be true"),
    ({"namespace": "A_b"}, "namespace"),
    # What the SDK lets through.
    ({"cpu_cores_limit": -1}, "cpu_cores_limit must be greater than zero"),
    ({"cpu_cores_limit": 0.05}, r"greater than or equal to cpu_cores \(0.1\)"),
    ({"memory_gb_limit": 0.25}, r"greater than or equal to memory_gb \(0.5\)"),
    ({**ON, "autoscale_min_replicas": 11}, r"cannot be greater than autoscale_max_replicas \(10\)"),
    ({**ON, "autoscale_target_utilization": 150}, "per cent, up to 100"),
    ({"namespace": "ok\n"}, "namespace"), ({"namespace": ""}, "namespace"),
    ({"cpu_cores": "1"}, "cpu_cores must be a number"), ({"cpu_cores": True}, "cpu_cores must be a number"),
    ({"memory_gb": float("nan")}, "memory_gb must be a number"),
    ({"num_replicas": 1.5}, "num_replicas must be a whole"),
    ({"auth_enabled": "yes"}, "auth_enabled must be True or False"),
    ({"primary_key": ""}, "primary_key must be a text"),
    ({"primary_key": "a", "secondary_key": "a"}, "must be different"),
    ({"primary_key": "a", "auth_enabled": False}, "need auth_enabled"),
    ({"primary_key": "a", "token_auth_enabled": True}, "not for token_auth_enabled"),
    ({"tags": "a"}, "tags must be a dict"), ({"properties": {"a": None}}, "properties must have texts"),
    ({"description": 3}, "description must be a text"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::scoringhost.azureml._hub.NoCounterpart")
def test_what_cannot_be_on_kubernetes_is_refused_by_name(given: dict[str, object], said: str):
    for make in (AksWebservice.deploy_configuration, AksEndpoint.deploy_configuration):
        with pytest.raises(WebserviceException, match=said):
            make(**given)  # type: ignore[arg-type]


def test_all_that_is_wrong_is_one_message_with_a_line_for_each_thing():
    with pytest.raises(WebserviceException) as caught:
        AksWebservice.deploy_configuration(cpu_cores=0, memory_gb=0, num_replicas=0, namespace="A")
    assert len(caught.value.message.splitlines()) == 4


@pytest.mark.parametrize("given", [
    {}, {"num_replicas": 3}, {"autoscale_enabled": False, "num_replicas": 1}, {"token_auth_enabled": True},
    {"token_auth_enabled": True, "auth_enabled": False}, {**ON, "autoscale_min_replicas": 2},
    {"cpu_cores": 0.5, "cpu_cores_limit": 0.5, "gpu_cores": 0}, {"namespace": "a" * 63},
    {"primary_key": "a", "secondary_key": "b"}, {"secondary_key": "b"}, {"success_threshold": 3},
])  # fmt: skip
def test_what_can_be_on_kubernetes_is_kept(given: dict[str, object]):
    assert AksWebservice.deploy_configuration(**given).given() == {  # type: ignore[arg-type]
        name: value for name, value in given.items() if "_key" not in name
    }


def test_an_endpoint_has_a_version_and_its_share():
    made = AksEndpoint.deploy_configuration(version_name="v1", traffic_percentile=20)
    assert made.given() == {"version_name": "v1", "traffic_percentile": 20}
    with pytest.raises(WebserviceException, match="from 0 to 100"):
        AksEndpoint.deploy_configuration(traffic_percentile=101)


@pytest.mark.parametrize(("given", "lines"), [
    ({"cpu_cores": -1, "memory_gb": 0}, ["cpu_cores must be greater", "memory_gb must be greater"]),
    ({"ssl_enabled": True}, ["ssl_enabled needs"]),
    ({"ssl_enabled": True, "ssl_cert_pem_file": "/no", "ssl_key_pem_file": "/no", "ssl_cname": "c"},
     ["ssl_cert_pem_file: there is no file", "ssl_key_pem_file: there is no file"]),
    ({"cmk_key_name": "k"}, ["go together"]), ({"vnet_name": "v"}, ["go together"]),
    ({"subnet_name": "v"}, ["together"]),
    ({"tags": 1}, ["tags must be a dict"]), ({"primary_key": "x", "auth_enabled": False}, ["need auth_enabled"]),
    ({"cpu_cores": "1"}, ["cpu_cores must be a number"]),
])  # fmt: skip
def test_what_cannot_be_in_a_container_instance_is_refused(given: dict[str, object], lines: list[str]):
    with pytest.raises(WebserviceException) as caught:
        AciWebservice.deploy_configuration(**given)  # type: ignore[arg-type]
    assert all(said in line for said, line in zip(lines, caught.value.message.splitlines(), strict=True))


def test_what_has_no_counterpart_is_warned_of_once_by_name():
    with pytest.warns(NoCounterpart) as caught:
        AciWebservice.deploy_configuration(1, 1, location="westeurope", dns_name_label="x", collect_model_data=False)
    assert [str(one.message).split(": ")[-1] for one in caught] == ["location, dns_name_label"]
    assert AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1, auth_enabled=True).auth_enabled


@pytest.mark.parametrize("port", [0, -1, "80", True, 70000, 80.0])
def test_a_port_is_a_number_from_1_to_65535(port: object):
    with pytest.raises(WebserviceException, match=r"range \[1, 65535\]"):
        LocalWebservice.deploy_configuration(port=port)  # type: ignore[arg-type]


def test_a_port_is_kept():
    assert LocalWebservice.deploy_configuration(port=8890).port == 8890
    assert LocalWebservice.deploy_configuration().port is None


AKS = {
    "computeType": "AKS",
    "autoScaler": {"autoscaleEnabled": True, "minReplicas": 1, "maxReplicas": 3, "targetUtilization": 70},
    "dataCollection": {"storageEnabled": False},
    "authEnabled": True,
    "containerResourceRequirements": {"cpu": 0.5, "memoryInGB": 1, "cpuLimit": 1, "memoryInGBLimit": 2},
    "scoringTimeoutMs": 1000,
    "maxConcurrentRequestsPerContainer": 2,
    "maxQueueWaitMs": 100,
    "livenessProbeRequirements": {"periodSeconds": 5, "failureThreshold": 2},
    "namespace": "models",
    "keys": {"primaryKey": "p", "secondaryKey": "s"},
    "tags": {"a": "b"},
    "tokenAuthEnabled": None,
}


def test_the_file_of_az_ml_is_read(here: Path):
    (here / "dc.json").write_text(json.dumps(AKS))
    made = read_deployment_config("dc.json")
    assert isinstance(made, AksWebservice.deploy_configuration)
    assert made.given() == {
        "autoscale_enabled": True, "autoscale_min_replicas": 1, "autoscale_max_replicas": 3,
        "autoscale_target_utilization": 70, "collect_model_data": False, "auth_enabled": True, "cpu_cores": 0.5,
        "memory_gb": 1, "cpu_cores_limit": 1, "memory_gb_limit": 2, "scoring_timeout_ms": 1000,
        "replica_max_concurrent_requests": 2, "max_request_wait_time": 100, "period_seconds": 5,
        "failure_threshold": 2, "namespace": "models", "tags": {"a": "b"},
    }  # fmt: skip
    assert (made.primary_key, made.secondary_key) == ("p", "s")


@pytest.mark.parametrize(("content", "kind"), [
    ({"computeType": "local", "port": 32267}, LocalWebservice.deploy_configuration),
    ({"computeType": "ACI", "containerResourceRequirements": {"cpu": 0.5, "memoryInGB": 1.0}, "authEnabled": True},
     AciWebservice.deploy_configuration),
    ({"computeType": "aksendpoint", "versionName": "v", "trafficPercentile": 10}, AksEndpoint.deploy_configuration),
])  # fmt: skip
def test_every_compute_type_is_read(content: dict[str, object], kind: type):
    assert type(deployment_config_from_json(content)) is kind


@pytest.mark.parametrize(("content", "said"), [
    ({}, "computeType: local, aci"), ({"computeType": "iot"}, "not 'iot'"),
    ({"computeType": "local", "Port": 1}, "unknown Port"), ({"computeType": "local", "port": 0}, "port must be"),
    ({"computeType": "aci", "containerResourceRequirements": {"cpus": 1}}, "unknown container.*cpus"),
])  # fmt: skip
def test_a_file_that_cannot_be_is_refused_by_key(content: dict[str, object], said: str):
    with pytest.raises(WebserviceException, match=said):
        deployment_config_from_json(content)
