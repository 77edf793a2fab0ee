"""Every configuration of an AksWebservice that there can be, for hypothesis; and what else may be said of a service."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st

from scoringhost.kubernetes.service import Route

WORDS = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=12).map(
    lambda text: f"a{text}".strip("-")
)
# Letters that YAML, Kubernetes or a shell may take for something else, and numbers in disguise.
TEXTS = st.one_of(
    st.text(max_size=20).filter(lambda text: "\x00" not in text),
    st.sampled_from(
        ["on", "no", "1e5", "0x1f", "0123", "12e45", "~", "null", "a: b", "# c", "- d", "'", "é\n x", "1_000"]
    ),
).filter(lambda text: text.isprintable() or "\n" in text)
LABELS = st.dictionaries(WORDS, TEXTS, max_size=3)
SHARES = st.sampled_from([0.05, 0.1, 0.25, 0.29, 0.5, 1, 1.5, 2, 3.999, 8])
COUNTS = st.integers(1, 12)
KEYS = st.text(string.ascii_letters + string.digits, min_size=16, max_size=24).map(lambda text: f"key-{text}")


@st.composite
def scalings(draw: st.DrawFn) -> dict[str, Any]:
    """How many replicas."""
    if draw(st.booleans()):
        return {"num_replicas": draw(COUNTS)}
    if draw(st.booleans()):
        return {}
    least = draw(st.integers(1, 10))
    return {
        "autoscale_enabled": True,
        "autoscale_min_replicas": least,
        "autoscale_max_replicas": draw(st.integers(least, 40)),
        "autoscale_target_utilization": draw(st.integers(1, 100)),
    }


@st.composite
def accesses(draw: st.DrawFn) -> dict[str, Any]:
    """Who may come in."""
    kind = draw(st.sampled_from(["unsaid", "nobody", "keys", "tokens"]))
    if kind == "nobody":
        return {"auth_enabled": False}
    if kind == "tokens":
        return {"token_auth_enabled": True}
    if kind == "keys":
        return {"auth_enabled": True, "primary_key": draw(KEYS), "secondary_key": draw(KEYS) + "2"}
    return {}


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    """Cores, memory, GPUs."""
    cpu, memory = draw(SHARES), draw(SHARES)
    given: dict[str, Any] = {"cpu_cores": cpu, "memory_gb": memory, "gpu_cores": draw(st.integers(0, 2))}
    if draw(st.booleans()):
        given["cpu_cores_limit"] = cpu * draw(st.sampled_from([1, 1.5, 4]))
    if draw(st.booleans()):
        given["memory_gb_limit"] = memory * draw(st.sampled_from([1, 1.5, 4]))
    return given


@st.composite
def aks_configurations(draw: st.DrawFn) -> dict[str, Any]:
    """Parameters of AksWebservice.deploy_configuration; some are left out."""
    numbers = {
        "scoring_timeout_ms": st.integers(1, 7_200_000),
        "replica_max_concurrent_requests": COUNTS,
        "max_request_wait_time": st.integers(1, 60_000),
        "period_seconds": st.integers(1, 60),
        "initial_delay_seconds": st.integers(1, 3600),
        "timeout_seconds": COUNTS,
        "success_threshold": COUNTS,
        "failure_threshold": COUNTS,
    }
    given: dict[str, Any] = {name: draw(values) for name, values in numbers.items() if draw(st.booleans())}
    given |= {"tags": draw(LABELS), "properties": draw(LABELS), "description": draw(TEXTS)}
    given["namespace"] = draw(st.none() | WORDS)
    return given | draw(resources()) | draw(scalings()) | draw(accesses())


@st.composite
def surroundings(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a ServiceOnKubernetes that the SDK has no word for."""
    routes = [
        None,
        Route(),
        Route(host="a.example.org", ingress_class="nginx", tls_secret="tls"),
        Route(host="*.example.org", gateway="web/outside", path="/wine"),
    ]
    return {
        "route": draw(st.sampled_from(routes)),
        "grpc_port": draw(st.sampled_from([None, 8081])),
        "with_monitor": draw(st.booleans()),
        "allowed_from": draw(st.sampled_from([None, (), ("web", "batch")])),
        "settings": draw(st.sampled_from([{}, {"SCORINGHOST_NAN": "literal", "COLOUR": "no"}])),
        "secret_settings": draw(st.sampled_from([{}, {"SCORINGHOST_APP_INSIGHTS_KEY": "key-of-insights"}])),
        "models": draw(st.sampled_from([(), ("ridge:3", "trees:1")])),
        "image_pull_secrets": draw(st.sampled_from([(), ("registry",)])),
    }
