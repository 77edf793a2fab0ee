"""What all objects of a service have in common: names, labels, annotations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scoringhost.kubernetes.service import ServiceOnKubernetes

Manifest = dict[str, Any]


def selector_of(service: ServiceOnKubernetes) -> dict[str, str]:
    """The labels by which its pods are found. They can never be changed once a Deployment is there."""
    return {"app.kubernetes.io/name": service.name, "app.kubernetes.io/instance": service.full_name}


def labels_of(service: ServiceOnKubernetes) -> dict[str, str]:
    """The labels of all of its objects."""
    return {
        **selector_of(service),
        "app.kubernetes.io/component": "scoring",
        "app.kubernetes.io/managed-by": "scoringhost",
    }


def described(service: ServiceOnKubernetes) -> dict[str, str]:
    """Annotations for people. Not labels: those have 63 letters, of few kinds."""
    found = {
        "scoringhost/description": service.description,
        "scoringhost/tags": _as_json(service.tags),
        "scoringhost/properties": _as_json(service.properties),
        "scoringhost/models": json.dumps(service.models, ensure_ascii=False) if service.models else "",
    }
    return {name: text for name, text in found.items() if text}


def _as_json(texts: Mapping[str, str]) -> str:
    return json.dumps(dict(texts), ensure_ascii=False) if texts else ""


def metadata_of(
    service: ServiceOnKubernetes,
    name: str | None = None,
    annotations: Mapping[str, str] | None = None,
    *,
    is_shared: bool = False,
) -> Manifest:
    """The metadata of an object; name: what it is called, if that is not what the service is called.

    is_shared: there is one for all versions of the service.
    """
    made: Manifest = {"name": name or service.full_name}
    if service.namespace is not None:
        made["namespace"] = service.namespace
    made["labels"] = labels_of(service)
    if is_shared:
        made["labels"]["app.kubernetes.io/instance"] = service.name
    if annotations:
        made["annotations"] = dict(annotations)
    return made


def keys_name(name: str) -> str:
    """The Secret with the keys that callers send, to whichever version."""
    return f"{name}-keys"


def secret_settings_name(service: ServiceOnKubernetes) -> str:
    """The Secret with variables that nobody may read."""
    return f"{service.full_name}-secret-settings"


def signing_key_name(name: str) -> str:
    """The Secret with the key that tokens are signed with, which no pod is given."""
    return f"{name}-token-signing"


def token_keys_name(name: str) -> str:
    """The ConfigMap with the public keys of tokens."""
    return f"{name}-token-keys"


def settings_name(service: ServiceOnKubernetes) -> str:
    """The ConfigMap with the variables of the container."""
    return f"{service.full_name}-settings"
