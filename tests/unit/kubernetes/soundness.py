"""What the schemas of Kubernetes do not see, and the API server or the first night would."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

Manifest = dict[str, Any]

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
UNITS = {"": 1, "m": 1e-3, "Mi": 2**20, "Gi": 2**30}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
INSTANCE = "app.kubernetes.io/instance"


def faults_of(manifests: Sequence[Manifest]) -> list[str]:
    """All that is wrong with them, in words."""
    found = [f"{one['kind']} {one['metadata']['name']}: {fault}" for one in manifests for fault in _of_any(one)]
    names = [(one["kind"], one["metadata"]["name"]) for one in manifests]
    if len(set(names)) < len(names):
        found.append(f"twice the same name: {names}")
    if len({one["metadata"].get("namespace") for one in manifests}) > 1:
        found.append("several namespaces")
    for one in of_kind(manifests, "Deployment"):
        found += [*_of_pod(one["spec"]["template"]["spec"], manifests), *_of_selectors(one, manifests)]
        found += [*_of_port_names(one, manifests), *_of_times(one, manifests), *_of_replicas(one, manifests)]
    for one in of_kind(manifests, "InferenceService"):
        found += _of_pod(one["spec"]["predictor"], manifests)
        found += _of_numbers(one["spec"]["predictor"], "minReplicas", "maxReplicas")
    return [*found, *_of_scaling(manifests), *_of_routes(manifests), *_of_secrets(manifests)]


def quantity(text: str) -> float:
    """A quantity as a number."""
    found = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", text)
    assert found is not None, text
    return float(found[1]) * UNITS[found[2]]


def of_kind(manifests: Sequence[Manifest], kind: str) -> list[Manifest]:
    """Those of a kind."""
    return [one for one in manifests if one["kind"] == kind]


# -- each by itself -----------------------------------------------------------------------------------


def _of_any(one: Manifest) -> Iterator[str]:
    metadata = one["metadata"]
    if not (SERVICE_NAME if one["kind"] in ("Service", "InferenceService") else NAME).fullmatch(metadata["name"]):
        yield "its name is none"
    labels = metadata.get("labels", {})
    annotations = metadata.get("annotations", {})
    yield from (f"label {key}={text}" for key, text in labels.items() if not VALUE.fullmatch(text))
    yield from (f"{key!r} is no key" for key in (*labels, *annotations) if not KEY.fullmatch(key))
    texts = {**annotations, **one.get("data", {}), **one.get("stringData", {})}
    yield from (f"{key} is {text!r}" for key, text in texts.items() if not isinstance(text, str))


def _of_pod(spec: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    container = spec["containers"][0]
    yield from _of_ports(container, manifests)
    yield from _of_resources(container["resources"])
    yield from _of_probes(container, manifests)
    yield from _of_references(spec, manifests)
    if spec["automountServiceAccountToken"] is not False or spec["enableServiceLinks"] is not False:
        yield "it is given a token of the API server, or the addresses of all Services"
    allowed = {**spec.get("securityContext", {}), **container["securityContext"]}
    if not (allowed["runAsNonRoot"] and allowed["runAsUser"] == 10001 and allowed["readOnlyRootFilesystem"]):
        yield "it may be root, or write"


def _of_ports(container: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    ports = [port["containerPort"] for port in container["ports"]]
    names = [port["name"] for port in container["ports"]]
    if len(set(ports)) < len(ports) or not all(0 < port < 65536 for port in ports):
        yield f"ports {ports}"
    if not all(re.fullmatch(r"[a-z0-9-]{1,15}", name) for name in names) or len(set(names)) < len(names):
        yield f"names of ports {names}"
    variables = variables_of(container, manifests)
    own = ["SCORINGHOST_GRPC_PORT"] if names == ["h2c"] else ["SCORINGHOST_PORT", "SCORINGHOST_GRPC_PORT"]
    yield from (f"{name} is none of the ports" for name in own if int(variables.get(name, ports[0])) not in ports)


def _of_resources(resources: Manifest) -> Iterator[str]:
    limits = resources.get("limits", {})
    for name, asked in resources["requests"].items():
        if name in limits and quantity(limits[name]) < quantity(asked):
            yield f"the limit of {name} is less than what is requested"


def _of_probes(container: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    known = {port["name"] for port in container["ports"]} | {port["containerPort"] for port in container["ports"]}
    known.add(int(variables_of(container, manifests)["SCORINGHOST_PORT"]))
    for name in PROBES:
        probe = container.get(name)
        if probe is None:
            continue
        if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
            yield f"{name} has another successThreshold than 1"
        if probe.get("httpGet", probe.get("grpc", {})).get("port") not in known:
            yield f"{name} asks at a port that is none"


def _of_references(spec: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    container = spec["containers"][0]
    if {mount["name"] for mount in container["volumeMounts"]} != {volume["name"] for volume in spec["volumes"]}:
        yield "something is mounted that is no volume, or the other way round"
    wanted = [("Secret", volume["secret"]["secretName"]) for volume in spec["volumes"] if "secret" in volume]
    wanted += [("ConfigMap", volume["configMap"]["name"]) for volume in spec["volumes"] if "configMap" in volume]
    for source in container.get("envFrom", []):
        fields = {"configMapRef": "ConfigMap", "secretRef": "Secret"}
        wanted += [(kind, source[field]["name"]) for field, kind in fields.items() if field in source]
    known = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    yield from (f"there is no {kind} {name}" for kind, name in wanted if (kind, name) not in known)


def variables_of(container: Manifest, manifests: Sequence[Manifest]) -> dict[str, str]:
    """The variables that a container is given, but for those of Secrets."""
    made = {one["name"]: one["value"] for one in container.get("env", [])}
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(manifests, "ConfigMap")}
    for source in container.get("envFrom", []):
        made |= maps.get(source.get("configMapRef", {}).get("name"), {})
    return {"SCORINGHOST_PORT": "0", "SCORINGHOST_DRAIN_TIMEOUT_S": "20", **made}


# -- how they go together -----------------------------------------------------------------------------


def _selectors(manifests: Sequence[Manifest]) -> Iterator[tuple[str, dict[str, str]]]:
    for one in manifests:
        if one["kind"] == "Service":
            yield one["kind"], one["spec"]["selector"]
        if one["kind"] in ("Deployment", "PodDisruptionBudget"):
            yield one["kind"], one["spec"]["selector"]["matchLabels"]
        if one["kind"] == "NetworkPolicy":
            yield one["kind"], one["spec"]["podSelector"]["matchLabels"]


def _of_selectors(one: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    labels = one["spec"]["template"]["metadata"]["labels"]
    own = [(kind, wanted) for kind, wanted in _selectors(manifests) if wanted.get(INSTANCE) == labels[INSTANCE]]
    yield from (
        f"the selector of {kind} is not the labels of the pods"
        for kind, wanted in own
        if wanted.items() - labels.items()
    )
    if not {"Service", "Deployment", "PodDisruptionBudget"} <= {kind for kind, _ in own}:
        yield "a Service, a Deployment or a budget has none of its pods"


def _of_port_names(one: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    named = {port["name"] for port in one["spec"]["template"]["spec"]["containers"][0]["ports"]}
    services = of_kind(manifests, "Service")
    targets = [port["targetPort"] for service in services for port in service["spec"]["ports"]]
    yield from (f"the Service's port leads to {target}, which is none" for target in targets if target not in named)
    for policy in of_kind(manifests, "NetworkPolicy"):
        if {port["port"] for port in policy["spec"]["ingress"][0]["ports"]} != named:
            yield "the NetworkPolicy shuts ports that are open, or opens others"
    for monitor in of_kind(manifests, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        watched = [service for service in services if wanted <= service["metadata"]["labels"].items()]
        ports = {port["name"] for service in watched for port in service["spec"]["ports"]}
        if not {end["port"] for end in monitor["spec"]["endpoints"]} <= ports:
            yield "the ServiceMonitor looks at a port that is none"


def _of_times(one: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    spec = one["spec"]["template"]["spec"]
    container = spec["containers"][0]
    sleep_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain_s = int(variables_of(container, manifests)["SCORINGHOST_DRAIN_TIMEOUT_S"])
    if spec["terminationGracePeriodSeconds"] < sleep_s + drain_s + 5:
        yield "killed before it has drained"
    starting = container["startupProbe"]
    if one["spec"]["progressDeadlineSeconds"] <= starting["periodSeconds"] * starting["failureThreshold"]:
        yield "given up before it may have started"


def _of_replicas(one: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    scalers = of_kind(manifests, "HorizontalPodAutoscaler")
    scaled = [scaler for scaler in scalers if scaler["spec"]["scaleTargetRef"]["name"] == one["metadata"]["name"]]
    least = scaled[0]["spec"]["minReplicas"] if scaled else one["spec"].get("replicas", 0)
    if ("replicas" in one["spec"]) == bool(scaled):
        yield "either replicas or an autoscaler"
    for budget in of_kind(manifests, "PodDisruptionBudget"):
        kept = budget["spec"].get("minAvailable")
        if (kept is None) == ("maxUnavailable" not in budget["spec"]):
            yield "a budget has one of the two"
        is_of_this = budget["metadata"]["name"] == one["metadata"]["name"]
        if is_of_this and kept is not None and kept >= least:
            yield "its node can never be emptied"


def _of_numbers(spec: Manifest, least: str, most: str) -> Iterator[str]:
    if spec[least] > spec[most] or spec[most] < 1:
        yield f"{least} {spec[least]}, {most} {spec[most]}"


def _of_scaling(manifests: Sequence[Manifest]) -> Iterator[str]:
    deployments = {one["metadata"]["name"] for one in of_kind(manifests, "Deployment")}
    for one in of_kind(manifests, "HorizontalPodAutoscaler"):
        yield from _of_numbers(one["spec"], "minReplicas", "maxReplicas")
        if one["spec"]["scaleTargetRef"]["name"] not in deployments:
            yield "it scales what is not there"
        for metric in one["spec"]["metrics"]:
            if metric["type"] == "Pods" and quantity(metric["pods"]["target"]["averageValue"]) <= 0:
                yield "a target of nothing"


def _of_routes(manifests: Sequence[Manifest]) -> Iterator[str]:
    known = set()
    for one in of_kind(manifests, "Service"):
        for port in one["spec"]["ports"]:
            known |= {(one["metadata"]["name"], port["port"]), (one["metadata"]["name"], port["name"])}
    ends = []
    for one in of_kind(manifests, "HTTPRoute"):
        (rule,) = one["spec"]["rules"]
        ends += [(behind["name"], behind["port"]) for behind in rule["backendRefs"]]
        weights = [behind.get("weight", 1) for behind in rule["backendRefs"]]
        if sum(weights) < 1 or not all(isinstance(weight, int) and 0 <= weight <= 1_000_000 for weight in weights):
            yield f"weights {weights}"
        if not all(re.fullmatch(r"([0-9]{1,5}(h|m|s|ms)){1,4}", limit) for limit in rule["timeouts"].values()):
            yield f"timeouts {rule['timeouts']}"
    for one in of_kind(manifests, "Ingress"):
        backend = one["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
        ends.append((backend["name"], backend["port"]["name"]))
    yield from (f"a route leads to {end}, which is not there" for end in ends if end not in known)


def _of_secrets(manifests: Sequence[Manifest]) -> Iterator[str]:
    secrets = [text for one in of_kind(manifests, "Secret") for text in one["stringData"].values()]
    others = json.dumps([one for one in manifests if one["kind"] != "Secret"])
    yield from ("a secret is in the open" for text in secrets if json.dumps(text)[1:-1] in others)
