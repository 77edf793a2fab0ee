"""What a service cannot be on Kubernetes is refused where it is made, all of it at once."""

from __future__ import annotations

from typing import Any

import pytest

from scoringhost.kubernetes.endpoint import EndpointOnKubernetes, EndpointVersion
from scoringhost.kubernetes.errors import ServiceRefused
from scoringhost.kubernetes.service import Autoscaling, Probes, Resources, Route, ServiceOnKubernetes, Tokens


def service(**fields: Any) -> ServiceOnKubernetes:
    return ServiceOnKubernetes(**{"name": "ridge", "image": "ridge:3", "replicas": 1, **fields})


@pytest.mark.parametrize(("fields", "said"), [
    ({"name": "Ridge"}, "name must be"), ({"name": "r" * 64}, "name must be"), ({"name": "ridge-"}, "name must be"),
    ({"version": "V1"}, "version must be"), ({"version": "v" * 60}, "more than 63 letters together"),
    ({"image": ""}, "image must be"), ({"image": "a b"}, "image must be"), ({"namespace": "a\n"}, "namespace must be"),
    ({"allowed_from": ("ok", "No")}, "allowed_from must be"),
    ({"concurrency": 0}, "concurrency must be"), ({"threads": 1.5}, "threads must be"),
    ({"workers": True}, "workers must be"), ({"scoring_timeout_ms": 0}, "scoring_timeout_ms must be"),
    ({"replicas": None}, "either replicas or autoscaling"),
    ({"autoscaling": Autoscaling()}, "either replicas or autoscaling"),
    ({"replicas": None, "autoscaling": Autoscaling(), "metrics_port": None}, "autoscaling by calls needs metrics_port"),
    ({"metrics_port": None, "with_monitor": True}, "with_monitor needs metrics_port"),
    ({"replicas": None, "autoscaling": Autoscaling(least=3, most=2)}, "less than autoscaling.least"),
    ({"replicas": None, "autoscaling": Autoscaling(utilization=150)}, "from 1 to 100"),
    ({"replicas": None, "autoscaling": Autoscaling(metric="rps")}, "one of calls, cpu"),
    ({"resources": Resources(cpu=0)}, "resources.cpu must be greater"),
    ({"resources": Resources(cpu=1, cpu_limit=0.5)}, "resources.cpu_limit (0.5) is less than resources.cpu (1)"),
    ({"resources": Resources(gpus=-1)}, "resources.gpus must be"), ({"probes": Probes(period_s=0)}, "probes.period_s"),
    ({"port": 80}, "port must be from 1024"), ({"grpc_port": 5001}, "ports must be different"),
    ({"settings": {"a b": "c"}}, "no name for a variable"),
    ({"settings": {"SCORINGHOST_PORT": "80"}}, "is made of the field port"),
    ({"secret_settings": {"SCORINGHOST_KEYS_FILE": "x"}}, "is made of the field keys"),
    ({"settings": {"SCORINGHOST_PRIMARY_KEY": "x"}}, "belongs into secret_settings"),
    ({"settings": {"A": "1"}, "secret_settings": {"A": "1"}}, "both in settings and in secret_settings: A"),
    ({"keys": {"..": "x"}}, "no dot first"), ({"keys": {"a": "x\ny"}}, "one line"), ({"keys": {"a": ""}}, "one line"),
    ({"tokens": Tokens(keys="https://x", issuer="", audience="a")}, "tokens.issuer is missing"),
    ({"route": Route(host="a_b")}, "route.host"), ({"route": Route(path="x")}, "route.path"),
    ({"route": Route(host="a.b", path="/wine")}, "an Ingress has no way to take it off"),
    ({"route": Route(gateway="a/b/c")}, "route.gateway must be"),
    ({"route": Route(gateway="a", ingress_class="nginx")}, "is for an Ingress"),
])  # fmt: skip
def test_what_cannot_be_is_refused_by_its_field(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceRefused) as caught:
        service(**fields)
    assert said in str(caught.value)


def test_all_that_is_wrong_is_said_one_line_for_each_thing() -> None:
    with pytest.raises(ServiceRefused) as caught:
        service(concurrency=0, port=80, resources=Resources(cpu=0))
    assert len(str(caught.value).splitlines()) == len(caught.value.problems) == 3


def version(version: str | None, **fields: Any) -> EndpointVersion:
    more = {key: fields.pop(key) for key in ("percent", "is_control") if key in fields}
    return EndpointVersion(service=service(version=version, **fields), **more)


@pytest.mark.parametrize(("versions", "said"), [
    ([version("a"), version("a")], "names of their own"), ([version(None)], "names of their own"),
    ([version(f"v{at}") for at in range(7)], "1 to 6 versions, not 7"), ([version("b")], "default 'a' is none"),
    ([version("a"), version("b", name="trees")], "of trees are none"),
    ([version("a"), version("b", namespace="x")], "one namespace"),
    ([version("a", percent=101)], "from 0 to 100"),
    ([version("a", percent=60), version("b", percent=50)], "110 together, which is more than 100"),
    ([version("a", is_control=True), version("b", is_control=True)], "only one version can be the control"),
    ([version("a", keys={"primary": "x"}), version("b")], "the same keys"),
])  # fmt: skip
def test_versions_that_cannot_be_together_are_refused(versions: list[EndpointVersion], said: str) -> None:
    with pytest.raises(ServiceRefused, match=said):
        EndpointOnKubernetes(name="ridge", versions=tuple(versions), default="a", route=Route(gateway="web"))


def test_an_ingress_cannot_share_out_requests() -> None:
    with pytest.raises(ServiceRefused, match="route.gateway is missing"):
        EndpointOnKubernetes(name="ridge", versions=(version("a"),), default="a", route=Route(host="a.b"))


def test_no_secret_is_in_what_is_shown_of_a_service() -> None:
    tokens = Tokens(keys="{}", issuer="i", audience="a", signing_key="hush")
    shown = repr(service(keys={"primary": "hush"}, secret_settings={"A": "hush"}, tokens=tokens))
    assert "hush" not in shown
