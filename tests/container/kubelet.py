"""What the kubelet makes of a pod, with a container engine in its place: flags, mounts, variables, probes, the end."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

UNITS = {"": 1, "m": 0.001, "Mi": 2**20, "Gi": 2**30}


class Pod:
    """The only pod of some manifests, of a Deployment or of an InferenceService."""

    def __init__(self, manifests: Sequence[dict[str, Any]], folder: Path) -> None:
        """folder: for what is mounted."""
        self._manifests, self._folder = manifests, folder
        (workload,) = [one for one in manifests if one["kind"] in ("Deployment", "InferenceService")]
        is_deployment = workload["kind"] == "Deployment"
        self.spec = workload["spec"]["template"]["spec"] if is_deployment else workload["spec"]["predictor"]
        (self.container,) = self.spec["containers"]

    @property
    def ports(self) -> dict[str, int]:
        """The ports of the container by their names."""
        return {port["name"]: port["containerPort"] for port in self.container["ports"]}

    @property
    def pre_stop_s(self) -> float:
        """Seconds between the end being announced and SIGTERM."""
        hook = self.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        return float(hook.get("seconds", 0))

    @property
    def grace_s(self) -> float:
        """Seconds from then until it is killed."""
        return float(self.spec["terminationGracePeriodSeconds"])

    def variables(self) -> dict[str, str]:
        """The variables of the container: its own go before those of maps and secrets."""
        made: dict[str, str] = {}
        for source in self.container.get("envFrom", []):
            if "configMapRef" in source:
                made |= self._find("ConfigMap", source["configMapRef"]["name"])["data"]
            else:
                made |= self._find("Secret", source["secretRef"]["name"])["stringData"]
        return made | {one["name"]: one["value"] for one in self.container.get("env", [])}

    def flags(self) -> list[str]:
        """The security context, the limits and the mounts."""
        allowed = {**self.spec.get("securityContext", {}), **self.container["securityContext"]}
        assert allowed["runAsNonRoot"]
        assert allowed["seccompProfile"] == {"type": "RuntimeDefault"}  # which is the engine's default, too
        flags = [f"--user={allowed['runAsUser']}:{allowed['runAsGroup']}"]
        if "fsGroup" in allowed:
            flags.append(f"--group-add={allowed['fsGroup']}")
        flags += [f"--cap-drop={name}" for name in allowed["capabilities"]["drop"]]
        if not allowed["allowPrivilegeEscalation"]:
            flags.append("--security-opt=no-new-privileges")
        if allowed["readOnlyRootFilesystem"]:
            flags.append("--read-only")
        resources = self.container["resources"]
        flags.append(f"--cpu-shares={max(2, int(quantity(resources['requests']['cpu']) * 1024))}")
        limits = resources.get("limits", {})
        if "memory" in limits:
            size = int(quantity(limits["memory"]))
            flags += [f"--memory={size}", f"--memory-swap={size}"]
        if "cpu" in limits:
            flags.append(f"--cpus={quantity(limits['cpu'])}")
        return flags + self._temporary()

    def _temporary(self) -> list[str]:
        sizes = {one["name"]: one["emptyDir"].get("sizeLimit") for one in self.spec["volumes"] if "emptyDir" in one}
        mounts = {one["name"]: one["mountPath"] for one in self.container["volumeMounts"]}
        return [f"--tmpfs={mounts[name]}:size={int(quantity(size))},mode=1777" for name, size in sizes.items()]

    def volumes(self) -> list[str]:
        """Secrets and maps as the kubelet mounts them: links into a folder that is exchanged as a whole."""
        mounts = {one["name"]: one["mountPath"] for one in self.container["volumeMounts"]}
        found = []
        for volume in self.spec["volumes"]:
            if "secret" in volume:
                texts = self._find("Secret", volume["secret"]["secretName"])["stringData"]
                mode = volume["secret"]["defaultMode"]
            elif "configMap" in volume:
                texts, mode = self._find("ConfigMap", volume["configMap"]["name"])["data"], 0o644
            else:
                continue
            folder = self._folder / volume["name"]
            folder.mkdir()
            folder.chmod(0o755)
            self.write(volume["name"], texts, mode)
            found.append(f"{folder}:{mounts[volume['name']]}")
        return found

    def write(self, volume: str, texts: dict[str, str], mode: int = 0o440) -> None:
        """Have a volume hold these files from now on."""
        folder = self._folder / volume
        group = self.spec.get("securityContext", {}).get("fsGroup", 0)
        made = folder / f"..{len(list(folder.iterdir()))}"
        made.mkdir()
        made.chmod(0o755)
        for name, text in texts.items():
            (made / name).write_text(text)
            (made / name).chmod(mode)
            os.chown(made / name, 0, group)
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(f"..data/{name}")
        (folder / "..new").symlink_to(made.name)
        (folder / "..new").replace(folder / "..data")

    def _find(self, kind: str, name: str) -> dict[str, Any]:
        (found,) = [one for one in self._manifests if (one["kind"], one["metadata"]["name"]) == (kind, name)]
        return found


def quantity(text: str) -> float:
    """A quantity of Kubernetes as a number."""
    found = re.fullmatch(r"([0-9.]+)(m|Mi|Gi|)", text)
    assert found is not None, text
    return float(found[1]) * UNITS[found[2]]
