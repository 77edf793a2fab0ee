from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from scoringhost.azureml.core import Model, Webservice, Workspace
from scoringhost.azureml.core.compute import AksCompute
from scoringhost.azureml.core.model import InferenceConfig
from scoringhost.azureml.core.webservice import AksEndpoint, AksWebservice
from scoringhost.azureml.exceptions import ComputeTargetException, WebserviceException
from tests.api_server.access import Access, Played

pytestmark = pytest.mark.filterwarnings("ignore::scoringhost.azureml.core.webservice._on_kubernetes.WorthKnowing")

IMAGE = "registry.example.com/wine:1"
WAY = "apps/v1/deployments/wine"
DEPLOY = AksWebservice.deploy_configuration


@pytest.fixture
def ws(access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SCORINGHOST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KUBECONFIG", access.environ()["KUBECONFIG"])
    monkeypatch.chdir(tmp_path)
    return Workspace.create("shop")


@pytest.fixture
def deploy(ws: Workspace) -> Callable[..., Any]:
    def deployed(name: str = "wine", overwrite: bool = False, **given: Any) -> Any:
        config = DEPLOY(**{"image": IMAGE, "num_replicas": 1, **given})
        return Model.deploy(ws, name, [], None, config, AksCompute(ws, "test"), overwrite=overwrite)

    return deployed


def test_a_service_is_deployed_to_the_cluster_of_a_kube_context(deploy: Callable[..., Any], access: Access) -> None:
    service = deploy(cpu_cores=0.5, memory_gb=1, tags={"stage": "test"})
    assert isinstance(service, AksWebservice)
    assert (service.state, service.compute_type, service.compute_name) == ("Transitioning", "AKS", "test")
    container = access.ask("GET", WAY)["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == IMAGE
    assert container["resources"]["requests"] == {"cpu": "500m", "memory": "1Gi"}
    assert service.tags == {"stage": "test"}


def test_waiting_returns_when_it_is_healthy_and_prints_how_it_goes(
    deploy: Callable[..., Any], access: Access, capsys: pytest.CaptureFixture[str]
) -> None:
    service = deploy()
    Played(access, "wine").healthy()
    service.wait_for_deployment(show_output=True)
    assert service.state == "Healthy"
    assert capsys.readouterr().out == "wine: Healthy, 1 of 1 replicas\n"


def test_waiting_raises_the_cause_of_a_failure(deploy: Callable[..., Any], access: Access) -> None:
    service = deploy()
    played = Played(access, "wine")
    pod = played.pod(played.replica_set())
    played.container_is(pod, {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}})
    played.observed(replicas=1, updatedReplicas=1)
    with pytest.raises(WebserviceException) as caught:
        service.wait_for_deployment()
    assert "State: Failed\nError: ErrImagePull: image registry.example.com/wine:1: manifest unknown" in (
        caught.value.message
    )
    assert (service.state, service.error) == (
        "Failed",
        "ErrImagePull: image registry.example.com/wine:1: manifest unknown",
    )


def test_it_is_found_again_by_its_name_and_listed(deploy: Callable[..., Any], ws: Workspace) -> None:
    deploy()
    assert isinstance(Webservice(ws, "wine"), AksWebservice)
    assert AksWebservice(ws, "wine").image == IMAGE
    assert [one.name for one in Webservice.list(ws, compute_type="AKS")] == ["wine"]
    with pytest.raises(WebserviceException, match="WebserviceNotFound"):
        AksWebservice(ws, "beer")


def test_one_that_was_removed_by_other_means_is_found_no_more(deploy: Callable[..., Any], ws: Workspace) -> None:
    from scoringhost.kubernetes import services
    from scoringhost.kubernetes.cluster import open_cluster

    deploy()
    services.delete(open_cluster(os.environ), "wine")
    assert Webservice.list(ws) == []
    with pytest.raises(WebserviceException, match="WebserviceNotFound: there is no service 'wine' in namespace"):
        Webservice(ws, "wine")
    deploy()


def test_local_services_are_listed_without_asking_a_cluster(
    deploy: Callable[..., Any], ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy()
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert Webservice.list(ws, compute_type="ACI") == []
    with pytest.raises(ComputeTargetException, match="no kube context 'test' in /nowhere"):
        Webservice.list(ws)


def test_without_a_cluster_it_is_refused(ws: Workspace) -> None:
    with pytest.raises(WebserviceException, match="deployment_target: a cluster is needed, as AksCompute"):
        Model.deploy(ws, "wine", [], None, DEPLOY(image=IMAGE))


def test_without_an_image_it_is_refused(ws: Workspace) -> None:
    with pytest.raises(WebserviceException, match="image: a cluster runs an image"):
        Model.deploy(ws, "wine", [], None, DEPLOY(), AksCompute(ws, "test"))


def test_a_context_that_is_not_there_is_named_with_those_that_are(ws: Workspace) -> None:
    with pytest.raises(ComputeTargetException, match="no kube context 'prod' in .*; there are: test, elsewhere"):
        Model.deploy(ws, "wine", [], None, DEPLOY(image=IMAGE), AksCompute(ws, "prod"))


def test_a_name_that_is_taken_is_refused_unless_overwrite(deploy: Callable[..., Any], access: Access) -> None:
    deploy()
    with pytest.raises(WebserviceException, match="there is a service 'wine' already; overwrite=True replaces it"):
        deploy()
    deploy(overwrite=True, num_replicas=2)
    assert access.ask("GET", WAY)["spec"]["replicas"] == 2


def test_update_changes_what_is_given_and_nothing_else(deploy: Callable[..., Any], access: Access) -> None:
    service = deploy(cpu_cores=0.5, tags={"a": "1"}, properties={"p": "1"})
    service.update(memory_gb=2, tags={"b": "2"}, properties={"q": "2"})
    resources = access.ask("GET", WAY)["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "500m", "memory": "2Gi"}
    assert (service.tags, service.properties) == ({"b": "2"}, {"p": "1", "q": "2"})


def test_update_checks_what_would_be_and_not_the_changes_alone(deploy: Callable[..., Any], access: Access) -> None:
    service = deploy(cpu_cores=1)
    with pytest.raises(WebserviceException, match="cpu_cores_limit"):
        service.update(cpu_cores_limit=0.5)
    assert access.ask("GET", WAY)["metadata"]["generation"] == 1


def test_update_takes_a_zero_for_a_value(deploy: Callable[..., Any], access: Access) -> None:
    service = deploy(gpu_cores=1)
    service.update(gpu_cores=0)
    container = access.ask("GET", WAY)["spec"]["template"]["spec"]["containers"][0]
    assert "limits" not in container["resources"]


def test_update_of_nothing_is_refused_and_so_are_parameters_that_are_none(deploy: Callable[..., Any]) -> None:
    service = deploy()
    with pytest.raises(WebserviceException, match=r"No parameters provided to update\."):
        service.update()
    with pytest.raises(WebserviceException, match="there is no parameter cpus that could be changed"):
        service.update(cpus=2)
    with pytest.raises(WebserviceException, match="namespace: a service stays where it is"):
        service.update(namespace="elsewhere")
    with pytest.raises(WebserviceException, match="properties: p are there already"):
        deploy(overwrite=True, properties={"p": "1"}).update(properties={"p": "2"})


def test_update_overwrites_what_somebody_has_changed_by_force_alone(deploy: Callable[..., Any], access: Access) -> None:
    service = deploy()
    access.edit(WAY, "kubectl-edit", ("spec.replicas", 3))
    with pytest.raises(WebserviceException, match="spec.replicas by kubectl-edit"):
        service.update(num_replicas=2)
    service.update(num_replicas=2, force=True)
    assert access.ask("GET", WAY)["spec"]["replicas"] == 2


def test_update_goes_from_a_number_of_replicas_to_autoscaling_and_back(
    deploy: Callable[..., Any], access: Access
) -> None:
    service = deploy(num_replicas=3)
    service.update(autoscale_enabled=True, autoscale_max_replicas=5)
    service.update(autoscale_max_replicas=6)
    scaler = access.ask("GET", "autoscaling/v2/horizontalpodautoscalers/wine")
    assert (scaler["spec"]["maxReplicas"], access.ask("GET", WAY)["spec"]["replicas"]) == (6, 3)
    service.update(num_replicas=2)
    assert access.ask("GET", WAY)["spec"]["replicas"] == 2
    assert "horizontalpodautoscalers wine" not in access.kinds_left("wine")


def test_keys_stay_when_it_is_updated_and_one_is_changed_without_the_other(deploy: Callable[..., Any]) -> None:
    service = deploy(primary_key="my-primary-key-0123456789")
    first = service.get_keys()
    assert first[0] == "my-primary-key-0123456789"
    service.update(cpu_cores=1)
    assert service.get_keys() == first
    service.regen_key("Secondary")
    assert service.get_keys()[0] == first[0]
    assert service.get_keys()[1] != first[1]
    service.regen_key("primary", "another-key-0123456789")
    assert service.get_keys()[0] == "another-key-0123456789"
    with pytest.raises(WebserviceException, match="Valid options are: Primary, Secondary"):
        service.regen_key("third")


def test_no_key_is_kept_outside_of_the_secret(deploy: Callable[..., Any], access: Access, tmp_path: Path) -> None:
    service = deploy()
    others = [access.ask("GET", path) for path in ("v1/configmaps", "apps/v1/deployments", "v1/services")]
    texts = [json.dumps(others), json.dumps(service.serialize()), repr(service)]
    texts += [path.read_text(errors="replace") for path in (tmp_path / "home").rglob("*") if path.is_file()]
    for key in service.get_keys():
        assert not any(key in text for text in texts)


def test_tokens_are_signed_with_the_key_whose_public_half_the_pods_have(
    deploy: Callable[..., Any], access: Access
) -> None:
    service = deploy(token_auth_enabled=True)
    token = service.get_access_token()
    document = json.loads(access.ask("GET", "v1/configmaps/wine-token-keys")["data"]["jwks.json"])
    key = jwt.PyJWK(document["keys"][0])
    claims = jwt.decode(token.access_token, key, algorithms=["EdDSA"], audience="wine", issuer="scoringhost")
    assert claims["sub"] == "scoringhost"
    assert token.token_type == "Bearer"
    assert token.expiry_on > token.refresh_after
    assert token.access_token not in repr(token)
    assert service.get_token()[1] >= token.refresh_after


def test_tokens_go_on_when_it_is_updated(deploy: Callable[..., Any], access: Access) -> None:
    service = deploy(token_auth_enabled=True)
    before = access.ask("GET", "v1/configmaps/wine-token-keys")["data"]
    service.update(cpu_cores=1)
    assert access.ask("GET", "v1/configmaps/wine-token-keys")["data"] == before
    with pytest.raises(WebserviceException, match="has no keys"):
        service.get_keys()


def test_delete_removes_it_and_twice_is_no_error(deploy: Callable[..., Any], access: Access, ws: Workspace) -> None:
    service = deploy()
    service.delete()
    assert access.kinds_left("wine") == []
    service.delete()
    assert Webservice.list(ws) == []
    deploy()


def test_serialize_has_the_names_of_the_sdk(deploy: Callable[..., Any]) -> None:
    shown = deploy(cpu_cores=0.5, num_replicas=2, scoring_timeout_ms=1000).serialize()
    assert (shown["computeType"], shown["computeName"], shown["numReplicas"]) == ("AKS", "test", 2)
    assert shown["containerResourceRequirements"]["cpu"] == 0.5
    assert shown["scoringTimeoutMs"] == 1000
    json.dumps(shown)


def test_with_an_inference_config_the_image_is_built_and_pushed(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "docker").write_text(f'#!/bin/sh\necho "$1" "$2" "$3" >> {tmp_path}/docker.log\n')
    (tools / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/score.py").write_text("def init(): ...\ndef run(data): return data\n")
    config = InferenceConfig("score.py", source_directory=str(tmp_path / "src"))
    Model.deploy(ws, "wine", [], config, DEPLOY(image=IMAGE, num_replicas=1), AksCompute(ws, "test"))
    assert (tmp_path / "docker.log").read_text() == f"build -t {IMAGE}\npush {IMAGE} \n"


# -- several versions -------------------------------------------------------------------------------


@pytest.fixture
def endpoint(ws: Workspace, access: Access, crds: None) -> AksEndpoint:
    config = AksEndpoint.deploy_configuration(
        version_name="one", traffic_percentile=20, image=IMAGE, num_replicas=1, gateway="edge"
    )
    made = Model.deploy(ws, "wine", [], None, config, AksCompute(ws, "test"))
    assert isinstance(made, AksEndpoint)
    return made


def weights(access: Access) -> dict[str, int]:
    route = access.ask("GET", "gateway.networking.k8s.io/v1/httproutes/wine")
    return {one["name"]: one.get("weight", 1) for one in route["spec"]["rules"][0]["backendRefs"]}


def test_versions_share_requests_by_the_weights_of_one_route(endpoint: AksEndpoint, access: Access) -> None:
    endpoint.create_version("two", image="registry.example.com/wine:2", num_replicas=1, traffic_percentile=30)
    assert weights(access) == {"wine-one": 70, "wine-two": 30}
    endpoint.update_version("two", traffic_percentile=55)
    assert weights(access) == {"wine-one": 45, "wine-two": 55}
    endpoint.update_version("two", is_default=True, is_control_version_type=True)
    assert weights(access) == {"wine-one": 20, "wine-two": 80}
    assert [(one.name, one.is_default) for one in endpoint.versions.values()] == [("one", False), ("two", True)]


def test_a_version_is_removed_with_its_objects(endpoint: AksEndpoint, access: Access) -> None:
    endpoint.create_version("two", image="registry.example.com/wine:2", num_replicas=1, traffic_percentile=30)
    endpoint.delete_version("two")
    assert weights(access) == {"wine-one": 1}
    assert "deployments wine-two" not in access.kinds_left("wine")
    with pytest.raises(WebserviceException, match="one is the default version"):
        endpoint.delete_version("one")


def test_keys_are_those_of_the_endpoint(endpoint: AksEndpoint) -> None:
    keys = endpoint.get_keys()
    endpoint.create_version("two", image=IMAGE, num_replicas=1)
    assert endpoint.get_keys() == keys
    endpoint.regen_key("Primary")
    assert endpoint.get_keys()[1] == keys[1]
    assert endpoint.get_keys()[0] != keys[0]


def test_the_state_of_an_endpoint_is_that_of_its_worst_version(endpoint: AksEndpoint, access: Access) -> None:
    endpoint.create_version("two", image="registry.example.com/wine:2", num_replicas=1)
    Played(access, "wine-one").healthy()
    played = Played(access, "wine-two")
    pod = played.pod(played.replica_set())
    played.container_is(pod, {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}})
    played.observed(replicas=1, updatedReplicas=1)
    endpoint.update_deployment_state()
    assert endpoint.state == "Failed"
    assert {name: one.state for name, one in endpoint.versions.items()} == {"one": "Healthy", "two": "Failed"}


def test_what_is_of_one_version_is_not_changed_for_the_endpoint(endpoint: AksEndpoint) -> None:
    with pytest.raises(WebserviceException, match="cpu_cores: of one version, which update_version changes"):
        endpoint.update(cpu_cores=1)
    endpoint.update(tags={"a": "1"})
    assert endpoint.tags == {"a": "1"}


def test_an_endpoint_is_deleted_whole(endpoint: AksEndpoint, access: Access) -> None:
    endpoint.create_version("two", image=IMAGE, num_replicas=1)
    endpoint.delete()
    assert access.kinds_left("wine") == []
