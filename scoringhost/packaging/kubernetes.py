"""The folder from which an entry script is deployed to Kubernetes, or with KServe.

It has the folder of the image, the manifests as plain YAML, and a kustomization of the very same files, so that
`kubectl apply -f FOLDER/manifests` and `kubectl apply -k FOLDER` do the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scoringhost.kubernetes.kserve import inference_manifests_of, inference_warnings_of
from scoringhost.kubernetes.manifests import manifests_of, needs_of, warnings_of
from scoringhost.kubernetes.objects import keys_name
from scoringhost.kubernetes.service import ServiceOnKubernetes
from scoringhost.kubernetes.yaml_text import as_yaml, read_yaml
from scoringhost.packaging import container
from scoringhost.packaging.output import MARK, Output, Package, refusing
from scoringhost.packaging.sources import Sources

IMAGE, MANIFESTS = "image", "manifests"
KUSTOMIZATION = "kustomization.yaml"
SECRETS = f"{MANIFESTS}/secret.yaml"


@refusing()
def write_kubernetes(
    sources: Sources,
    folder: Path,
    service: ServiceOnKubernetes,
    choices: container.Choices,
    *,
    kserve_mode: str | None = None,
    force: bool = False,
) -> Package:
    """Write all that it takes to deploy an entry script.

    An image without a tag is given one, the digest of all that it is built of: a changed script is then another image,
    and is rolled out. kserve_mode: `knative` or `standard` for an InferenceService; None: plain Kubernetes.

    Raises:
        PackagingError: if the folder is somebody else's or cannot be written, or the image cannot be.
        MissingExtra: if PyYAML is not installed.
    """
    as_yaml([])  # before anything is written
    output = Output(folder, force=force)
    extras = tuple(name for name, wanted in _extras(service).items() if wanted)
    built = container.write_container(
        sources, folder / IMAGE, replace(choices, extras=extras), force=force, within=folder
    )
    image = service.image if _has_tag(service.image) else f"{service.image}:{_digest_of(folder / IMAGE)}"
    service = replace(service, image=image)
    if kserve_mode is None:
        manifests, warnings = manifests_of(service), [*warnings_of(service), *needs_of(service)]
    else:
        manifests, warnings = inference_manifests_of(service, kserve_mode), inference_warnings_of(service, kserve_mode)
    files = _by_kind(manifests)
    for name, objects in files.items():
        output.write(name, as_yaml(objects))
    if SECRETS in files:
        (folder / SECRETS).chmod(0o600)
        warnings.append(f"{folder / SECRETS} holds secrets: keep it out of version control")
    output.write(KUSTOMIZATION, as_yaml([_kustomization(list(files))]))
    names = sorted([*output.finish(), *(f"{IMAGE}/{name}" for name in built.files)])
    return Package(names, built.warnings + warnings, image)


def keys_written(folder: Path, name: str) -> dict[str, str]:
    """The keys that an earlier run has made for a service of that name; empty if it has made none.

    Raises:
        MissingExtra: if PyYAML is not installed.
    """
    try:
        documents = read_yaml((folder / SECRETS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    for one in documents:
        if isinstance(one, dict) and one.get("metadata", {}).get("name") == keys_name(name):
            return {str(key): str(text) for key, text in one.get("stringData", {}).items()}
    return {}


def _extras(service: ServiceOnKubernetes) -> Mapping[str, bool]:
    """The optional parts of the host that the container needs, by what has them."""
    return {
        "auth": service.tokens is not None,
        "grpc": service.grpc_port is not None,
        "metrics": service.metrics_port is not None,
    }


def _has_tag(image: str) -> bool:
    return ":" in image.rpartition("/")[2]


def _digest_of(folder: Path) -> str:
    """Of all files in it, with their names."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MARK:
            found.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:12]


def _by_kind(manifests: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    files: dict[str, list[dict[str, Any]]] = {}
    for one in manifests:
        files.setdefault(f"{MANIFESTS}/{one['kind'].lower()}.yaml", []).append(one)
    return files


def _kustomization(files: list[str]) -> dict[str, Any]:
    return {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": files}
