"""A service that the tests deploy."""

from __future__ import annotations

from typing import Any

from scoringhost.kubernetes.manifests import manifests_of
from scoringhost.kubernetes.service import ServiceOnKubernetes

IMAGE = "registry.example.com/wine:1"
KEYS = {"primary": "first-key-0123456789", "secondary": "second-key-0123456789"}


def wine(**given: Any) -> list[dict[str, Any]]:
    """The manifests of a service with two keys and one replica."""
    fields: dict[str, Any] = {"name": "wine", "image": IMAGE, "replicas": 1, "keys": KEYS}
    return manifests_of(ServiceOnKubernetes(**(fields | given)))
