"""What a replica set is told of the fleet's settings and environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoringhost.fleet.specs import ServiceSpec
from scoringhost.settings import DEFAULT, PREFIX, SPECS, Secret, Settings
from scoringhost.settings.secret import SHOWN

OF_FRONT = frozenset({
    "host", "port", "health_port", "separate_health_endpoint", "metrics_port",
    "tls_certificate", "tls_key", "tls_client_ca", "primary_key", "secondary_key", "keys_file", "token_keys",
    "token_issuer", "token_audience", "token_scopes", "token_roles", "token_leeway_s", "rate_limit", "trusted_proxies",
    "control_host", "control_port", "hub_roles", "service_users",
})  # fmt: skip
"""Settings of a fleet that its front obeys, and of which its replica sets know nothing.

Not `grpc_port`: a replica set listens at none, but answers what the front hands on of it.
"""

OF_ONE_SERVICE = frozenset({
    "script", "framework", "model_dir", "app_root", "source_directory", "config_file", "workers", "reload",
    "debug_port", "service_name", "service_version", "service_path_prefix", "model_name", "shutdown_delay_s",
})  # fmt: skip
"""Settings that mean something else for a fleet than for one of its services, or nothing."""

AZMLINFSRVS_ORIGINS = "environment AML_CORS_ORIGINS"
"""A replica set reads this variable itself: by its name it knows to compare origins as azmlinfsrv does."""

KEYS = frozenset({"primary_key", "secondary_key", "keys_file", "token_keys"})


def replica_settings(spec: ServiceSpec, fleet: Settings, workers: int) -> dict[str, Any]:
    """The fields of Settings that a replica set is given, by name: the fleet's, under the service's own."""
    given = {name for name in SPECS if fleet.origins.get(name, DEFAULT) not in (DEFAULT, AZMLINFSRVS_ORIGINS)}
    passed = {name: _plain(getattr(fleet, name)) for name in given - OF_FRONT - OF_ONE_SERVICE}
    passed |= {name: _plain(value) for name, value in spec.settings.items() if name not in OF_FRONT}
    if any(getattr(fleet, name) for name in KEYS):
        passed["primary_key"] = SHOWN  # so that the API document says that one is asked for; nobody looks at it
    standing = {
        "script": str(spec.script),
        "workers": workers,
        "service_name": spec.name,
        "service_path_prefix": f"/services/{spec.name}",
        "model_name": spec.name,
    }
    if spec.version:
        standing["service_version"] = spec.version
    return {name: value for name, value in {**passed, **standing}.items() if value is not None}


def replica_environ(spec: ServiceSpec, environ: Mapping[str, str]) -> dict[str, str]:
    """All variables of a replica set: this process's without the front's keys, under the service's own."""
    found = without_keys(environ)
    for name, value in spec.environ.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = value
    return found


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """These variables but for the front's keys, which no process that runs scripts is to have.

    Templates have none either: what they fork could read them in /proc/self/environ.
    """
    secrets = {
        name for field in OF_FRONT if SPECS[field].secret for name in (PREFIX + field.upper(), *SPECS[field].azure)
    }
    return {name: value for name, value in environ.items() if name not in secrets}


def _plain(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value
