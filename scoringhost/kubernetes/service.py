"""A service as it is to be on Kubernetes: plain values, from which everything else in this package is made.

Times end in their unit. What is None is left out of the manifests, so that the cluster's own default holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from scoringhost.kubernetes.checks import require_possible

PRE_STOP_S = 5
"""Seconds between a pod being given up and its SIGTERM, until which not everybody knows that its address is gone."""
MARGIN_S = 10
"""Seconds after the drain: a run() that is broken off has five, and then shutdown() runs."""
LEAST_DRAIN_S = 20
"""What `serve` has by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one replica asks for, and what it is held to: cores, GiB of memory, whole GPUs.

    No limit is set that nobody asks for: a limit of processors makes a service slow that could use an idle node.
    """

    cpu: float = 0.1
    cpu_limit: float | None = None
    memory_gib: float = 0.5
    memory_limit_gib: float | None = None
    gpus: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaling:
    """How many replicas there are, by load.

    utilization: per cent; with the metric `calls`, of the calls that a replica takes at once, which needs something
    that brings Prometheus' numbers to the cluster (prometheus-adapter); with `cpu`, of the processors it asks for.
    down_after_s: for how long there must have been less to do before a replica is removed.
    """

    least: int = 1
    most: int = 10
    utilization: int = 70
    metric: str = "calls"
    down_after_s: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """How a pod is watched: startup_s is how long init() may take; the others are of the liveness probe.

    successes: of the readiness probe, as the other two have to be 1.
    """

    startup_s: int = 310
    period_s: int = 10
    timeout_s: int = 2
    failures: int = 3
    successes: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Which tokens (JWT) let callers in.

    keys: the URL of the issuer's public keys (JWKS), or the document itself, which then goes into a ConfigMap.
    signing_key: the private one (PEM), if the service is its own issuer: it goes into a Secret that no pod is given.
    """

    keys: str
    issuer: str
    audience: str
    signing_key: str | None = field(default=None, repr=False)

    @property
    def is_document(self) -> bool:
        """Whether `keys` are the keys themselves."""
        return self.keys.lstrip().startswith("{")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How requests from outside of the cluster come in.

    gateway: the Gateway ("NAME", or "NAMESPACE/NAME") of an HTTPRoute; without it the route is an Ingress, of the class
    `ingress_class`, whose certificate is in the Secret `tls_secret`. path: what the paths of requests begin with, which
    an HTTPRoute takes off; an Ingress cannot.
    """

    host: str | None = None
    path: str = "/"
    gateway: str | None = None
    ingress_class: str | None = None
    tls_secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOnKubernetes:
    """Everything that the manifests of one service say.

    name: of the service. version: of one of several versions; its objects are called NAME-VERSION. namespace: None is
    that of whoever applies the manifests. models: names of models, for people to read.
    replicas: how many there are if there is no `autoscaling`; exactly one of the two is given.
    concurrency: calls that one replica takes at once. They are the workers (each a process with a copy of the model)
    times the threads; workers None: as many as that takes, but one with a GPU.
    settings: variables for the container, besides those that are made of these fields. secret_settings: those that
    nobody may read. keys: by name; callers send one of them. None of both is in a ConfigMap or an annotation.
    metrics_port: for Prometheus, without a key; None: no metrics. with_monitor: a ServiceMonitor for it.
    allowed_from: namespaces whose pods may connect, by a NetworkPolicy; empty: from everywhere; None: no policy.

    Raises:
        ServiceRefused: if it cannot be so; has all that is wrong.
    """

    name: str
    image: str
    namespace: str | None = None
    version: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    replicas: int | None = None
    autoscaling: Autoscaling | None = None
    resources: Resources = Resources()
    probes: Probes = Probes()
    concurrency: int = 1
    workers: int | None = None
    threads: int = 1
    scoring_timeout_ms: int = 60_000
    max_request_wait_ms: int = 500
    settings: Mapping[str, str] = field(default_factory=dict)
    secret_settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    tokens: Tokens | None = None
    port: int = 5001
    metrics_port: int | None = 9100
    grpc_port: int | None = None
    route: Route | None = None
    with_monitor: bool = False
    allowed_from: tuple[str, ...] | None = None
    image_pull_secrets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_possible(self)

    @property
    def full_name(self) -> str:
        """What its objects are called."""
        return self.name if self.version is None else f"{self.name}-{self.version}"

    @property
    def path_prefix(self) -> str | None:
        """What stands before the paths for callers from outside, if anything does."""
        return self.route.path if self.route is not None and self.route.path != "/" else None

    @property
    def worker_count(self) -> int:
        """Worker processes in each replica."""
        if self.workers is not None:
            return self.workers
        # Each worker would load the model into the same GPU. Threads instead: scripts are not written for that.
        if self.resources.gpus:
            return 1
        return math.ceil(self.concurrency / self.threads)

    @property
    def least_replicas(self) -> int:
        """Replicas that there always are."""
        return self.autoscaling.least if self.autoscaling is not None else self.replicas or 1

    @property
    def drain_s(self) -> int:
        """Seconds in which every request that was taken in has had its turn and its time."""
        return max(LEAST_DRAIN_S, math.ceil((self.scoring_timeout_ms + self.max_request_wait_ms) / 1000))

    @property
    def grace_s(self) -> int:
        """Seconds after which the cluster kills what has not ended."""
        return PRE_STOP_S + self.drain_s + MARGIN_S

    @property
    def request_timeout_s(self) -> int:
        """Seconds after which whoever stands before the service may give up: later than the service itself does."""
        return math.ceil((self.scoring_timeout_ms + self.max_request_wait_ms) / 1000) + 1
