"""The schemas of Kubernetes, as kubernetes-validate brings them, and KServe's; each is made ready once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from kubernetes_validate import utils
from referencing import Registry, Resource

OLDEST, NEWEST = "1.29", "1.37"
VERSIONS = [f"1.{minor}" for minor in range(29, 38)]
WITHOUT_SCHEMA = ("HTTPRoute", "ServiceMonitor")
"""Kinds that no cluster has of itself; `soundness` looks at them."""
INFERENCE_SERVICE = Path(__file__).parent / "inference_service.schema.json"


def errors_of(manifests: Sequence[dict[str, Any]], version: str) -> Iterator[str]:
    """What a cluster of that version would refuse by its schemas, with no field that it does not know."""
    for one in manifests:
        if one["kind"] in WITHOUT_SCHEMA:
            continue
        for error in _validator(version, one["kind"], one["apiVersion"]).iter_errors(one):
            yield f"{version}: {one['kind']} {error.json_path}: {error.message}"


@cache
def _validator(version: str, kind: str, api_version: str) -> Draft202012Validator:
    if kind == "InferenceService":
        return Draft202012Validator(json.loads(INFERENCE_SERVICE.read_text(encoding="utf-8")))
    # As the files are called: autoscaling/v2 is autoscaling-v2, and networking.k8s.io/v1 is networking-v1.
    group, _, number = api_version.rpartition("/")
    name = f"{group.partition('.')[0]}-{number}" if group else number
    schema = _contents(version, f"{kind.lower()}-{name}.json")
    registry = _definitions(version).with_resource("", Resource.from_contents(schema)).crawl()
    return Draft202012Validator(schema, registry=registry)


@cache
def _definitions(version: str) -> Registry[Any]:
    definitions = Resource.from_contents(_contents(version, "_definitions.json"))
    return (definitions @ Registry()).crawl()


def _contents(version: str, name: str) -> Any:
    whole = next(known for known in utils.all_versions() if utils.major_minor(known) == version)
    return utils.schema_contents(f"kubernetes-json-schema/v{whole}-local-strict/{name}", version)
