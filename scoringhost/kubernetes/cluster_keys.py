"""The keys of a service on a cluster: in a Secret, which its pods have as files and read again when they change."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes.cluster import Cluster
from scoringhost.kubernetes.kinds import ref_of
from scoringhost.kubernetes.record import Record

KEYS_SUFFIX = "-keys"
SIGNING_SUFFIX = "-token-signing"
SIGNING_FILE = "private.pem"


def keys_of(cluster: Cluster, record: Record) -> dict[str, str]:
    """The keys by their names; empty if the service asks for none. The versions of an endpoint have the same."""
    for manifest in _secrets(record, KEYS_SUFFIX):
        found = cluster.get(ref_of(manifest))
        if found is not None:
            return _texts(found)
    return {}


def new_key() -> str:
    """A key that nobody can guess: 256 bits."""
    return secrets.token_urlsafe(32)


def change_key(cluster: Cluster, record: Record, name: str, key: str) -> None:
    """Put a key in the place of the one of that name; the others stay.

    Pods see it when their kubelet next looks, within about a minute; no pod is started again.

    Raises:
        KeysMissing: if the service has no key of that name.
        ChangedMeanwhile: if somebody else changes the keys just now.
    """
    found_any = False
    for manifest in _secrets(record, KEYS_SUFFIX):
        found = cluster.get(ref_of(manifest))
        if found is None or name not in (found.get("data") or {}):
            continue
        found_any = True
        data = {**found["data"], name: base64.b64encode(key.encode()).decode()}
        # With the version that was read: of two that change keys at once the second is told, and undoes nothing.
        metadata = {**manifest["metadata"], "resourceVersion": found["metadata"]["resourceVersion"]}
        # Forced: whoever has changed a key by hand has wanted the same as we, another key.
        cluster.apply({**manifest, "metadata": metadata, "data": data}, force=True)
    if not found_any:
        raise errors.KeysMissing(record.name)


def signing_key_of(cluster: Cluster, record: Record) -> str | None:
    """The private key (PEM) that the service's own tokens are signed with; None if it has none."""
    for manifest in _secrets(record, SIGNING_SUFFIX):
        found = cluster.get(ref_of(manifest))
        if found is not None:
            return _texts(found).get(SIGNING_FILE)
    return None


def _secrets(record: Record, suffix: str) -> list[Mapping[str, Any]]:
    return [one for one in record.named("Secret") if one["metadata"]["name"].endswith(suffix)]


def _texts(found: Mapping[str, Any]) -> dict[str, str]:
    return {name: base64.b64decode(value).decode() for name, value in (found.get("data") or {}).items()}
