"""ConfigMaps and Secrets, and the variables that the container is given."""

from __future__ import annotations

import hashlib
import json

from scoringhost.kubernetes.objects import (
    Manifest,
    keys_name,
    metadata_of,
    secret_settings_name,
    settings_name,
    signing_key_name,
    token_keys_name,
)
from scoringhost.kubernetes.service import ServiceOnKubernetes
from scoringhost.process.cpu_budget import THREAD_VARIABLES

KEYS_FOLDER = "/run/scoringhost/keys"
TOKEN_KEYS_FOLDER = "/run/scoringhost/token-keys"
JWKS = "jwks.json"
SIGNING_KEY = "private.pem"


def variables_of(service: ServiceOnKubernetes) -> dict[str, str]:
    """The variables that anybody may read, by their names."""
    made = {
        "SCORINGHOST_PORT": service.port,
        "SCORINGHOST_GRPC_PORT": service.grpc_port,
        "SCORINGHOST_METRICS_PORT": service.metrics_port,
        "SCORINGHOST_WORKERS": service.worker_count,
        "SCORINGHOST_THREADS": service.threads if service.threads > 1 else None,
        "SCORINGHOST_SCORING_TIMEOUT_MS": service.scoring_timeout_ms,
        "SCORINGHOST_MAX_REQUEST_WAIT_MS": service.max_request_wait_ms,
        "SCORINGHOST_DRAIN_TIMEOUT_S": service.drain_s,
        "SCORINGHOST_SERVICE_NAME": service.name,
        "SCORINGHOST_SERVICE_VERSION": service.version,
        "SCORINGHOST_MODEL_NAME": service.name,
        "SCORINGHOST_SERVICE_PATH_PREFIX": service.path_prefix,
        "SCORINGHOST_KEYS_FILE": KEYS_FOLDER if service.keys else None,
    }
    if service.tokens is not None:
        is_document = service.tokens.is_document
        made["SCORINGHOST_TOKEN_KEYS"] = f"{TOKEN_KEYS_FOLDER}/{JWKS}" if is_document else service.tokens.keys
        made["SCORINGHOST_TOKEN_ISSUER"] = service.tokens.issuer
        made["SCORINGHOST_TOKEN_AUDIENCE"] = service.tokens.audience
    if service.resources.cpu_limit is None:
        # Without a quota `serve` sees the cores of the whole node: 64 threads of BLAS on a tenth of a core.
        share = max(1, int(service.resources.cpu / service.worker_count))
        made.update({name: share for name in THREAD_VARIABLES})
    return {name: str(value) for name, value in made.items() if value is not None} | dict(service.settings)


def settings_map(service: ServiceOnKubernetes) -> Manifest:
    """The ConfigMap with the variables."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata_of(service, settings_name(service)),
        "data": variables_of(service),
    }


def secrets_of(service: ServiceOnKubernetes) -> list[Manifest]:
    """The Secrets: keys of callers, the key that tokens are signed with, variables that nobody may read."""
    signing_key = service.tokens.signing_key if service.tokens is not None else None
    contents: list[tuple[str, dict[str, str], bool]] = [
        (keys_name(service.name), dict(service.keys), True),
        (signing_key_name(service.name), {SIGNING_KEY: signing_key} if signing_key else {}, True),
        (secret_settings_name(service), dict(service.secret_settings), False),
    ]
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata_of(service, name, is_shared=is_shared),
            "type": "Opaque",
            "stringData": content,
        }
        for name, content, is_shared in contents
        if content
    ]


def token_keys_map(service: ServiceOnKubernetes) -> list[Manifest]:
    """The ConfigMap with the public keys of tokens, if they are not fetched from an issuer."""
    if service.tokens is None or not service.tokens.is_document:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata_of(service, token_keys_name(service.name), is_shared=True),
            "data": {JWKS: service.tokens.keys},
        }
    ]


def settings_hash(service: ServiceOnKubernetes) -> str:
    """Of all that a container reads at its start only: a change of it must start new ones, and by itself does not.

    Keys of callers and of tokens are files, which `serve` reads again when they have changed.
    """
    read_once = [variables_of(service), dict(service.secret_settings)]
    return hashlib.sha256(json.dumps(read_once, sort_keys=True).encode()).hexdigest()[:12]
