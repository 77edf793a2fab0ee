"""deployment() and application(): the objects of Ray Serve that are made of an entry script."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from scoringhost.errors import MissingExtra
from scoringhost.ray.shape import NAME, TARGET_UTILISATION, Shape, cautions, serve_options
from scoringhost.settings import Settings, require_known
from scoringhost.telemetry.logs import HOST_LOGGER

PATHS = frozenset({"script", "model_dir", "config_file", "app_root", "source_directory"})
"""Settings that are paths on the machines of the replicas, and may be nothing on this one."""

log = logging.getLogger(HOST_LOGGER)


def deployment(
    script: str | None = None,
    *,
    replicas: int | tuple[int, int] = 1,
    num_cpus: float | None = None,
    num_gpus: float | None = None,
    target_utilisation: float = TARGET_UTILISATION,
    **settings: object,
) -> Any:
    """A `Deployment` of Ray Serve that serves an entry script: `serve.run(deployment("score.py").bind())`.

    script: the entry script, a folder with score.py, or a model, as the replicas find it: below the
        `working_dir` of their `runtime_env`, or on a path that all nodes have.
    replicas: how many, or from how many to how many, by the calls in flight.
    num_cpus, num_gpus: what Ray reserves for a replica; parts of one are allowed. What libraries may
        use of threads follows from the cores.
    target_utilisation: with a range of replicas, per cent of the slots of each that should be busy.
        Slots are `max_concurrent_requests`, or else `threads` times `max_batch_size`.
    settings: any field of `scoringhost.settings.Settings`, as `scoring_timeout_ms=5000`. They beat what
        the replicas' environment says.

    Everything else of Ray Serve's can be set with `.options(...)`, which also changes what is set here.

    Raises:
        TypeError: if there is no setting of that name.
        SettingsError: if a setting or a number cannot be used.
        MissingExtra: if Ray Serve is not installed.
    """
    shape = Shape.of(replicas, num_cpus=num_cpus, num_gpus=num_gpus, target_utilisation=target_utilisation)
    loaded = settings_for_replicas(settings)
    for caution in cautions(loaded):
        log.warning("%s", caution)
    serve = require_serve()
    from scoringhost.ray.replica import Replica

    class Scoring(Replica):
        """The replica of one script, which is made without arguments: `bind()`."""

        def __init__(self) -> None:
            super().__init__(script, settings)

    ingress = serve.ingress()(Scoring)
    return serve.deployment(ingress, name=NAME, **serve_options(loaded, shape))


def application(args: Mapping[str, Any]) -> Any:
    """The `Application` that the file of `scoringhost package --target ray` names; `args` are those of `deployment`.

    Ray Serve calls it in the cluster.
    """
    given = dict(args)
    if isinstance(given.get("replicas"), list):  # YAML has no tuples
        given["replicas"] = tuple(given["replicas"])
    return deployment(**given).bind()


def settings_for_replicas(given: Mapping[str, object]) -> Settings:
    """The settings of a replica, as far as they are known before there is one.

    Raises:
        TypeError: if there is no setting of that name.
        SettingsError: if a setting cannot be used.
    """
    require_known(given)
    flags: dict[str, tuple[str, object]] = {name: (name, given[name]) for name in given if name not in PATHS}
    return Settings.load({}, flags, os.sep)[0]


def require_serve() -> Any:
    """The module ray.serve.

    Raises:
        MissingExtra: if it is not installed.
    """
    try:
        from ray import serve
    except ImportError:
        raise MissingExtra("ray[serve]", "ray") from None
    return serve
