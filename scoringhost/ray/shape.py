"""Shape: how many replicas of a service there are, what each is given, and what Ray Serve is told of it.

Nothing of Ray is imported here: the same values go into a deployment and into a YAML file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scoringhost.errors import SettingsError
from scoringhost.kernel.limits import ASYNC_ROOM
from scoringhost.settings import Settings

NAME = "scoring"
"""What the deployment is called in its application."""

ROOM_TO_REFUSE = 100
"""Requests beyond those that run or wait which a replica is sent, so that it can answer them with a 503."""

HEALTH_CHECK_PERIOD_S = 2.0
"""Seconds between two questions about health. After three bad answers Ray Serve replaces a replica."""

LAST_STEPS_S = 10.0
"""Seconds after the time to drain in which a replica runs shutdown() and ends, before it is killed."""

SURGE_PERCENT = 25
"""Of the replicas, rounded up: how many a new version may have beside those of the one before."""

TARGET_UTILISATION = 70.0
"""Per cent of its slots that are busy in a replica when there are as many as needed; what AksWebservice has."""

NO_MEANING = frozenset({
    "host", "port", "health_port", "separate_health_endpoint", "workers", "preload", "reload", "metrics_port",
    "grpc_port", "shutdown_delay_s", "max_requests", "max_requests_jitter", "max_worker_memory_mb", "tls_certificate",
    "tls_key", "tls_client_ca", "keep_alive_s", "head_timeout_s", "min_upload_bytes_per_s", "write_timeout_s",
})  # fmt: skip
"""Settings of the server of `scoringhost serve`: Ray's proxy listens in its place, and replicas are its workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Replicas and what each of them is given.

    minimum and maximum: how many replicas there are; if they differ, as many as calls in flight need.
    num_cpus, num_gpus: what Ray reserves for one replica, in cores and in GPUs; 1 and 0 if not given.
    target_utilisation: per cent of the slots of a replica that are busy when there are enough replicas.
    """

    minimum: int = 1
    maximum: int = 1
    num_cpus: float | None = None
    num_gpus: float | None = None
    target_utilisation: float = TARGET_UTILISATION

    @classmethod
    def of(cls, replicas: int | tuple[int, int], **others: Any) -> Shape:
        """The shape with that many replicas, or with a range of them.

        Raises:
            SettingsError: if a number cannot be used.
        """
        minimum, maximum = replicas if isinstance(replicas, tuple) else (replicas, replicas)
        shape = cls(minimum=minimum, maximum=maximum, **others)
        if shape.minimum < 0 or shape.maximum < max(1, shape.minimum):
            raise SettingsError("replicas", f"{minimum}..{maximum}", "there must be one, or from a few to more of them")
        if not 0 < shape.target_utilisation <= 100:
            raise SettingsError("target_utilisation", shape.target_utilisation, "it is a percentage, and more than 0")
        for name in ("num_cpus", "num_gpus"):
            value = getattr(shape, name)
            if value is not None and value < 0:
                raise SettingsError(name, value, "it is less than 0")
        return shape


def slots(settings: Settings) -> int:
    """How many calls one replica works at at once."""
    if settings.max_concurrent_requests is not None:
        return settings.max_concurrent_requests
    return settings.threads * max(1, settings.max_batch_size)


def serve_options(settings: Settings, shape: Shape) -> dict[str, Any]:
    """What a Ray Serve deployment is told, by the names that Ray has for it, in Python and in YAML."""
    options: dict[str, Any] = {}
    if shape.minimum == shape.maximum:
        options["num_replicas"] = shape.minimum
    else:
        options["autoscaling_config"] = {
            "min_replicas": shape.minimum,
            "max_replicas": shape.maximum,
            "target_ongoing_requests": slots(settings) * shape.target_utilisation / 100,
        }
    # Ray holds back what a replica has no room for, without a word to the caller. So a replica is sent
    # more than it takes, and says itself that it is overloaded, with a Retry-After.
    options["max_ongoing_requests"] = _room(settings) + ROOM_TO_REFUSE
    actor = {"num_cpus": shape.num_cpus, "num_gpus": shape.num_gpus}
    actor = {name: value for name, value in actor.items() if value is not None}
    if actor:
        options["ray_actor_options"] = actor
    options["health_check_period_s"] = HEALTH_CHECK_PERIOD_S
    options["graceful_shutdown_timeout_s"] = settings.drain_timeout_s + LAST_STEPS_S
    # An init() that fails will fail again. Ray's default is three times for each replica, which is six
    # times 1.4 s here before `deploy` hears of it. Replicas that end later are replaced all the same.
    options["max_constructor_retry_count"] = 1
    # Without it the replicas of the version before are stopped first. A second GPU is seldom idle, and a
    # version that waits for one would never be served.
    options["max_surge_percent"] = 0 if shape.num_gpus else SURGE_PERCENT
    return options


def _room(settings: Settings) -> int:
    """How many calls run or wait in a replica at most; whether run() is async is not known yet."""
    if settings.max_concurrent_requests is not None:
        return settings.max_concurrent_requests
    return max(ASYNC_ROOM, slots(settings)) + settings.max_waiting


def cautions(settings: Settings) -> list[str]:
    """What was set and has no meaning in a cluster of Ray, or another one than in `scoringhost serve`."""
    given = [name for name, origin in settings.origins.items() if origin != "default"]
    found = [f"{name} has no meaning in Ray Serve and is ignored" for name in sorted(NO_MEANING.intersection(given))]
    if settings.metrics:
        found.append("metrics: /metrics answers for the replica that a request comes to, and not for all of them")
    if settings.rate_limit is not None:
        found.append("rate_limit: each replica counts for itself")
    return found


def timeout_caution(settings: Settings, request_timeout_s: float | None) -> str | None:
    """What to say if the cluster's proxy gives up on requests before their run() has had its time."""
    if not request_timeout_s or request_timeout_s < 0:
        return None
    limit_s = settings.limit_s
    if limit_s is not None and limit_s < request_timeout_s:
        return None
    allowed = "has no limit" if limit_s is None else f"may take {limit_s:g} s"
    return (
        f"the cluster's request_timeout_s is {request_timeout_s:g}, but run() {allowed}: a caller gets a 408 of Ray's "
        f"then, and not a 504. Set scoring_timeout_ms to less, or request_timeout_s to more or null"
    )
