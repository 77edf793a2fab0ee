"""What was deployed under a name: a ConfigMap beside the service's objects.

It says which objects belong to the service, so that delete() takes these and nothing else, and what they were applied
with, so that a change by somebody else is seen from any machine. Values of Secrets are not in it.
"""

from __future__ import annotations

import copy
import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes.cluster import Cluster
from scoringhost.kubernetes.kinds import CONFIG_MAPS, Ref, ref_of

LABEL = "scoringhost/record"
"""Of the ConfigMaps that are records; its value is the name of the service."""
SUFFIX = ".scoringhost"
"""After the service's name: a dot is in no name of a Service or Deployment, so it can be nobody else's."""


@dataclass(frozen=True, slots=True)
class Record:
    """One service. manifests: as they were applied last, without values of Secrets.

    others: objects that were applied and may not be gone yet, from a deployment that was broken off.
    details: what whoever deployed it wants to know again; values of JSON. version: of the ConfigMap, if there is one.
    """

    name: str
    manifests: tuple[Mapping[str, Any], ...] = ()
    others: tuple[Ref, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    created_at: str = ""
    updated_at: str = ""
    version: str = ""

    @property
    def refs(self) -> list[Ref]:
        """All objects that are the service's."""
        named = [ref_of(one) for one in self.manifests]
        return [*named, *(one for one in self.others if one not in named)]

    def named(self, kind: str) -> list[Mapping[str, Any]]:
        """The manifests of a kind."""
        return [one for one in self.manifests if one["kind"] == kind]


def read(cluster: Cluster, name: str) -> Record | None:
    """The record of a service; None if nothing was deployed under that name."""
    found = cluster.get(Ref(CONFIG_MAPS.api_version, CONFIG_MAPS.kind, name + SUFFIX))
    return None if found is None else _of(found)


def read_all(cluster: Cluster) -> list[Record]:
    """The records of all services of the namespace, by name."""
    return sorted((_of(one) for one in cluster.all_of(CONFIG_MAPS, labels=LABEL)), key=lambda one: one.name)


def write(cluster: Cluster, record: Record) -> Record:
    """Keep it.

    Raises:
        ChangedMeanwhile: if somebody else has written it since it was read.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    record = replace(record, created_at=record.created_at or now, updated_at=now)
    metadata: dict[str, Any] = {"name": record.name + SUFFIX, "labels": _labels(record.name)}
    if record.version:
        metadata["resourceVersion"] = record.version
    kept = {
        "manifests": record.manifests,
        "others": [one.as_json() for one in record.others],
        "details": record.details,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    manifest["data"] = {"record.json": json.dumps(kept, ensure_ascii=False)}
    try:
        made = cluster.replace(manifest) if record.version else cluster.create(manifest)
    except errors.ChangedMeanwhile:
        raise errors.ChangedMeanwhile(record.name) from None
    return replace(record, version=made["metadata"]["resourceVersion"])


def remove(cluster: Cluster, record: Record) -> None:
    """Forget a service."""
    ref = Ref(CONFIG_MAPS.api_version, CONFIG_MAPS.kind, record.name + SUFFIX)
    found = cluster.get(ref)
    if found is not None:
        cluster.delete(ref, found["metadata"]["uid"])


def without_values(manifests: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Manifests as they may be kept: the names in Secrets stay, the values do not."""
    kept = []
    for one in manifests:
        copied = copy.deepcopy(dict(one))
        if copied["kind"] == "Secret":
            for part in ("data", "stringData"):
                if part in copied:
                    copied[part] = dict.fromkeys(copied[part], "")
        kept.append(copied)
    return tuple(kept)


def _labels(name: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": "record",
        "app.kubernetes.io/managed-by": "scoringhost",
        LABEL: name,
    }


def _of(found: Mapping[str, Any]) -> Record:
    metadata = found["metadata"]
    name = str(metadata["name"]).removesuffix(SUFFIX)
    try:
        kept = json.loads(found["data"]["record.json"])
        return Record(
            name=name,
            manifests=tuple(kept["manifests"]),
            others=tuple(Ref(one["apiVersion"], one["kind"], one["name"]) for one in kept["others"]),
            details=kept["details"],
            created_at=kept["created_at"],
            updated_at=kept["updated_at"],
            version=metadata["resourceVersion"],
        )
    except (KeyError, TypeError, ValueError) as problem:
        what = f"ConfigMap {metadata['name']}"
        raise errors.ClusterBroken(what, f"it is no record of a service any more ({problem!r})") from None
