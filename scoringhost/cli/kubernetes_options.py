"""Options that say how a service is to be on Kubernetes, and the service that they describe.

A deployment configuration of Azure ML (deploymentconfig.json) may say the same; options go before it.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scoringhost.cli.replicas import replicas_option
from scoringhost.kubernetes.checks import METRICS
from scoringhost.kubernetes.kserve import MODES
from scoringhost.kubernetes.service import Autoscaling, Route, ServiceOnKubernetes
from scoringhost.settings import SPECS
from scoringhost.settings.declaration import NOT_NEGATIVE, POSITIVE, PREFIX

if TYPE_CHECKING:
    from scoringhost.azureml.core.webservice.aks_configuration import AksServiceDeploymentConfiguration

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NUMBER = click.FloatRange(min=0, min_open=True)
GRPC_PORT = 8081
KEYS = ("primary", "secondary")

_OPTIONS = (
    click.option("--name", help="Name of the service; that of the script's folder."),
    click.option("--image", help="Name of the image, with a registry; without a tag, its content gives it one."),
    click.option("--namespace", help="Namespace of all objects; that of whoever applies them."),
    click.option("--deployment-config", type=FILE, help="deploymentconfig.json of an AksWebservice (az ml)."),
    replicas_option("So many, or scaled between these by load; 1-10 on Kubernetes, 1 on Ray."),
    click.option("--scale-on", type=click.Choice(METRICS), help="What the load is: calls in flight, or processors."),
    click.option("--utilization", type=click.IntRange(1, 100), help="Per cent at which there are more replicas; 70."),
    click.option("--concurrency", type=POSITIVE, help="Calls that a replica takes at once, each in a process; 1."),
    click.option("--cpu", type=NUMBER, help="Cores that a replica asks for; 0.1."),
    click.option("--cpu-limit", type=NUMBER, help="Cores that it is held to; no limit."),
    click.option("--memory-gb", type=NUMBER, help="GiB that a replica asks for; 0.5."),
    click.option("--memory-gb-limit", type=NUMBER, help="GiB that it is held to; no limit."),
    click.option("--gpus", type=NOT_NEGATIVE, help="GPUs of a replica; 0."),
    click.option("--scoring-timeout-ms", type=POSITIVE, help="Milliseconds that one run() may take; 60000."),
    click.option("--max-request-wait-ms", type=NOT_NEGATIVE, help="Milliseconds that a call may wait for it; 500."),
    click.option("--startup-s", type=POSITIVE, help="Seconds that init() may take; 310."),
    click.option("--keys/--no-keys", default=None, help="Whether callers must send a key; they must."),
    click.option("--grpc", is_flag=True, help="The Open Inference Protocol over gRPC, too."),
    click.option("--host", help="Name of the host under which requests come from outside: an Ingress."),
    click.option("--gateway", metavar="[NAMESPACE/]NAME", help="They come through this Gateway: an HTTPRoute."),
    click.option("--path", "route_path", help="What the paths of requests begin with, behind a Gateway; /."),
    click.option("--ingress-class", help="Class of the Ingress."),
    click.option("--tls-secret", help="Secret with the certificate of the Ingress."),
    click.option("--monitor", is_flag=True, help="A ServiceMonitor for Prometheus."),
    click.option("--network-policy", is_flag=True, help="A NetworkPolicy that opens its ports and no others."),
    click.option("--allow-from", multiple=True, metavar="NAMESPACE", help="The same, from there only; repeatable."),
    click.option("--setting", "settings", multiple=True, metavar="NAME=VALUE", help="A variable of it; repeatable."),
    click.option("--kserve-mode", type=click.Choice(MODES), help="kserve: how KServe runs it; knative."),
)
NAMES = (
    "name", "image", "namespace", "deployment_config", "replicas", "scale_on", "utilization", "concurrency", "cpu",
    "cpu_limit", "memory_gb", "memory_gb_limit", "gpus", "scoring_timeout_ms", "max_request_wait_ms", "startup_s",
    "keys", "grpc", "host", "gateway", "route_path", "ingress_class", "tls_secret", "monitor", "network_policy",
    "allow_from", "settings",
)  # fmt: skip
"""Of the parameters, but for the last, which is of KServe alone."""


def kubernetes_options(function: F) -> F:
    """Add the options."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def service_of(
    folder: Path, chosen: Mapping[str, Any], known_keys: Callable[[str], Mapping[str, str]]
) -> ServiceOnKubernetes:
    """The service that the options describe.

    folder: of the script. known_keys: the keys that a service of some name has already.

    Raises:
        ServiceRefused: if there can be no such service.
        click.UsageError: if an option cannot be understood, or the deployment configuration cannot be used.
    """
    name = chosen["name"] or _name_of(folder)
    configuration = _configuration(chosen["deployment_config"])
    image = chosen["image"] or name
    if configuration is None:
        service = ServiceOnKubernetes(name=name, image=image, autoscaling=Autoscaling())
    else:
        with _of_the_configuration():
            service = configuration.on_kubernetes(name, image)
    changes = _sizes(service, chosen)
    changes |= _scaling(service, chosen)
    changes["grpc_port"] = GRPC_PORT if chosen["grpc"] else None
    changes["route"] = _route(chosen)
    changes["with_monitor"] = chosen["monitor"]
    changes["allowed_from"] = chosen["allow_from"] or (() if chosen["network_policy"] else None)
    settings, secret_settings = _settings(chosen["settings"])
    changes |= {"settings": {**service.settings, **settings}, "secret_settings": secret_settings}
    wants_keys = bool(service.keys) or (configuration is None) if chosen["keys"] is None else chosen["keys"]
    changes["keys"] = _two_keys(configuration, known_keys(name)) if wants_keys else {}
    return replace(service, **changes)


def _sizes(service: ServiceOnKubernetes, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of options that are one number, or one name, each."""
    changes = _given(
        chosen,
        namespace="namespace",
        concurrency="concurrency",
        scoring_timeout_ms="scoring_timeout_ms",
        max_request_wait_ms="max_request_wait_ms",
        port="port",
    )
    resources = _given(
        chosen,
        cpu="cpu",
        cpu_limit="cpu_limit",
        memory_gib="memory_gb",
        memory_limit_gib="memory_gb_limit",
        gpus="gpus",
    )
    changes["resources"] = replace(service.resources, **resources)
    changes["probes"] = replace(service.probes, **_given(chosen, startup_s="startup_s"))
    return changes


def _name_of(folder: Path) -> str:
    """The name of a folder, as far as it can be that of a service."""
    return re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")


def _configuration(path: Path | None) -> AksServiceDeploymentConfiguration | None:
    if path is None:
        return None
    from scoringhost.azureml.core.webservice.aks_configuration import AksServiceDeploymentConfiguration
    from scoringhost.azureml.core.webservice.files import read_deployment_config

    with _of_the_configuration():
        configuration = read_deployment_config(path)
    # That of an AksEndpoint is one, too, but its versions have no place here.
    if type(configuration) is not AksServiceDeploymentConfiguration:
        raise click.UsageError(f"--deployment-config: computeType must be AKS, not {configuration.compute_type}")
    return configuration


@contextlib.contextmanager
def _of_the_configuration() -> Iterator[None]:
    """Say what is wrong with it, or has no counterpart, as the command line says such things."""
    from scoringhost.azureml.exceptions import WebserviceException

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except WebserviceException as problem:
            raise click.UsageError(f"--deployment-config: {problem.message}") from None
    for one in caught:
        click.echo(f"scoringhost: warning: {one.message}", err=True)


def _given(chosen: Mapping[str, Any], **options: str) -> dict[str, Any]:
    """Of fields, by the options that they have, those that were given."""
    return {field: chosen[option] for field, option in options.items() if chosen[option] is not None}


def _scaling(service: ServiceOnKubernetes, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """So many replicas, or an autoscaler."""
    replicas, scaling = service.replicas, service.autoscaling
    if chosen["replicas"] is not None:
        least, most = chosen["replicas"]
        replicas, scaling = least, None
        if most is not None:
            replicas, scaling = None, replace(service.autoscaling or Autoscaling(), least=least, most=most)
    asked = _given(chosen, metric="scale_on", utilization="utilization")
    if asked and scaling is None:
        raise click.UsageError("--scale-on and --utilization need --replicas MIN-MAX")
    if scaling is not None:
        scaling = replace(scaling, **asked)
    return {"replicas": replicas, "autoscaling": scaling}


def _route(chosen: Mapping[str, Any]) -> Route | None:
    given = _given(
        chosen,
        host="host",
        path="route_path",
        gateway="gateway",
        ingress_class="ingress_class",
        tls_secret="tls_secret",
    )
    return Route(**given) if given else None


def _settings(lines: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """Variables: those that anybody may read, and secrets."""
    settings, secret_settings = {}, {}
    for line in lines:
        name, equals, value = line.partition("=")
        if not name or not equals:
            raise click.UsageError(f"--setting {line!r} is not NAME=VALUE")
        spec = SPECS.get(name.removeprefix(PREFIX).lower()) if name.startswith(PREFIX) else None
        if spec is not None and spec.secret:
            secret_settings[name] = value
        else:
            settings[name] = value
    return settings, secret_settings


def _two_keys(configuration: AksServiceDeploymentConfiguration | None, known: Mapping[str, str]) -> dict[str, str]:
    """Those that are given, those that are known, or new ones."""
    keys = {}
    for name in KEYS:
        given = getattr(configuration, f"{name}_key", None)
        keys[name] = given or known.get(name) or secrets.token_urlsafe(32)
    return keys
