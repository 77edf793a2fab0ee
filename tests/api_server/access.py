"""How tests reach an API server: a kubeconfig for the code under test, and plain HTTP for what else happens there."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Object = dict[str, Any]
REVISION = "deployment.kubernetes.io/revision"
APPLY = "application/apply-patch+yaml"


@dataclass
class Access:
    """A server, and a namespace of it. is_real: it is Kubernetes' own."""

    url: str
    folder: Path
    namespace: str
    token: str = ""
    ca: Path | None = None
    is_real: bool = False
    _names: list[str] = field(default_factory=list)

    def environ(self, *, token: str | None = None, url: str | None = None) -> dict[str, str]:
        """Variables with a kubeconfig, whose contexts are `test` and `elsewhere`."""
        path = self.folder / f"kubeconfig-{len(list(self.folder.iterdir()))}"
        cluster: Object = {"server": url or self.url}
        if self.ca is not None:
            cluster["certificate-authority"] = str(self.ca)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": self.token if token is None else token}}],
            "contexts": [
                {"name": "test", "context": {"cluster": "c", "user": "u", "namespace": self.namespace}},
                {"name": "elsewhere", "context": {"cluster": "c", "user": "u"}},
            ],
        }
        path.write_text(json.dumps(config))
        return {"KUBECONFIG": str(path), "HOME": str(self.folder)}

    def ask(self, method: str, path: str, content: Any = None, kind: str = "application/json") -> Object:
        """A request; `path` below the namespace, such as `apps/v1/deployments/wine`."""
        group, _, rest = path.partition("/") if path.startswith("v1/") else ("", "", "")
        if group:
            whole = f"/api/v1/namespaces/{self.namespace}/{rest}"
        else:
            name, version, rest = path.split("/", 2)
            whole = f"/apis/{name}/{version}/namespaces/{self.namespace}/{rest}"
        return self.ask_whole(method, whole, content, kind)

    def ask_whole(self, method: str, path: str, content: Any = None, kind: str = "application/json") -> Object:
        """A request to a whole path."""
        data = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": kind, "Authorization": f"Bearer {self.token}"}
        context = ssl.create_default_context(cafile=str(self.ca)) if self.ca is not None else None
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=context)] if context else [])
        )
        try:
            with opener.open(request, timeout=30) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as problem:
            with problem:
                raise AssertionError(f"{method} {path}: {problem.code} {problem.read().decode()}") from None

    def edit(self, path: str, manager: str, *steps: tuple[str, Any]) -> Object:
        """What a person does who edits an object: reads it, changes values by their dotted paths, writes it back."""
        found = self.ask("GET", path)
        for dotted, value in steps:
            inner: Any = found
            *way, last = dotted.split(".")
            for step in way:
                inner = inner[int(step)] if step.isdigit() else inner.setdefault(step, {})
            inner[last] = value
        return self.ask("PUT", f"{path}?fieldManager={manager}", found)

    def scale(self, name: str, replicas: int) -> None:
        """What an autoscaler does to a Deployment."""
        if not self.is_real:
            self.edit(f"apps/v1/deployments/{name}", "kube-controller-manager", ("spec.replicas", replicas))
            return
        way = f"apps/v1/deployments/{name}/scale"
        found = self.ask("GET", way)
        found["spec"]["replicas"] = replicas
        self.ask("PUT", f"{way}?fieldManager=kube-controller-manager", found)

    def kinds_left(self, name: str) -> list[str]:
        """The objects that belong to a service by their labels."""
        paths = (
            *("v1/secrets", "v1/configmaps", "v1/services", "apps/v1/deployments"),
            *("autoscaling/v2/horizontalpodautoscalers", "policy/v1/poddisruptionbudgets"),
        )
        found = []
        for path in paths:
            items = self.ask("GET", f"{path}?labelSelector=app.kubernetes.io/name={name}")["items"]
            found += [
                f"{path.rpartition('/')[2]} {one['metadata']['name']}"
                for one in sorted(items, key=lambda one: str(one["metadata"]["name"]))
            ]
        return found


class Played:
    """The controllers and the kubelet of a Deployment, played by a test: what they write, as they write it."""

    def __init__(self, access: Access, name: str) -> None:
        self.access, self.name, self.revision = access, name, 0
        self.path = f"apps/v1/deployments/{name}"

    def observed(self, *, progressing: str = "ReplicaSetUpdated", **status: Any) -> None:
        """The Deployment's controller has seen its newest generation; status: counts of replicas, conditions."""
        found = self.access.ask("GET", self.path)
        is_over = progressing == "ProgressDeadlineExceeded"
        conditions = [_condition("Progressing", not is_over, progressing, status.pop("message", "said by the test"))]
        conditions += status.pop("conditions", [])
        available = int(status.get("availableReplicas", 0))
        conditions.append(_condition("Available", available > 0, "MinimumReplicas", "as it is"))
        found["status"] = {
            "observedGeneration": found["metadata"]["generation"], "conditions": conditions, **status,
        }  # fmt: skip
        self.access.ask("PUT", f"{self.path}/status?fieldManager=kube-controller-manager", found)

    def replica_set(self, *, available: int = 0) -> Object:
        """A ReplicaSet of the newest template, as the next revision."""
        self.revision += 1
        path = f"{self.path}?fieldManager=kube-controller-manager"
        found = self.access.ask("GET", self.path)
        found["metadata"].setdefault("annotations", {})[REVISION] = str(self.revision)
        found = self.access.ask("PUT", path, found)
        template = found["spec"]["template"]
        labels = {**template["metadata"]["labels"], "pod-template-hash": f"h{self.revision}"}
        name = f"{self.name}-h{self.revision}"
        made = self.access.ask(
            "POST",
            "apps/v1/replicasets",
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": name, "namespace": self.access.namespace, "labels": labels,
                    "annotations": {REVISION: str(self.revision)}, "ownerReferences": [_owner(found)],
                },
                "spec": {
                    "replicas": 1, "selector": {"matchLabels": labels},
                    "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
                },
            },
        )  # fmt: skip
        made["status"] = {"replicas": 1, "availableReplicas": available, "readyReplicas": available}
        self.access.ask("PUT", f"apps/v1/replicasets/{name}/status", made)
        return made

    def pod(self, replica_set: Object, suffix: str = "p1") -> str:
        """A pod of a ReplicaSet; returns its name."""
        name = f"{replica_set['metadata']['name']}-{suffix}"
        template = replica_set["spec"]["template"]
        self.access.ask(
            "POST",
            "v1/pods",
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name, "namespace": self.access.namespace, "labels": template["metadata"]["labels"],
                    "ownerReferences": [_owner(replica_set)],
                },
                "spec": template["spec"],
            },
        )  # fmt: skip
        return name

    def pod_is(self, name: str, *conditions: Object, **status: Any) -> None:
        """What the kubelet, or the scheduler, says of a pod."""
        found = self.access.ask("GET", f"v1/pods/{name}")
        found["status"] = {"phase": "Pending", "conditions": list(conditions), **status}
        self.access.ask("PUT", f"v1/pods/{name}/status?fieldManager=kubelet", found)

    def container_is(
        self, pod: str, state: Object, *, before: Object | None = None, restarts: int = 0, **more: Any
    ) -> None:
        """What the kubelet says of the container of a pod that has a node."""
        status: Object = {
            "name": "scoring", "image": "registry.example.com/wine:1", "imageID": "", "ready": False,
            "restartCount": restarts, "state": state, "started": False, **more,
        }  # fmt: skip
        if before is not None:
            status["lastState"] = {"terminated": before}
        scheduled = _condition("PodScheduled", True, "", "")
        ready = _condition("Ready", bool(status["ready"]), "", "")
        self.pod_is(pod, scheduled, ready, phase="Running", containerStatuses=[status])

    def event(self, pod: str, reason: str, message: str, kind: str = "Warning") -> None:
        """An event about a pod."""
        found = self.access.ask("GET", f"v1/pods/{pod}")
        number = len(self.access._names)
        self.access._names.append(reason)
        about = {"kind": "Pod", "name": pod, "namespace": self.access.namespace, "uid": found["metadata"]["uid"]}
        when = f"2026-11-30T10:{number // 60:02}:{number % 60:02}Z"
        self.access.ask(
            "POST",
            "v1/events",
            {
                "apiVersion": "v1", "kind": "Event",
                "metadata": {"name": f"{pod}.{number}", "namespace": self.access.namespace},
                "involvedObject": about, "reason": reason, "message": message, "type": kind,
                "firstTimestamp": when, "lastTimestamp": when, "count": 1,
            },
        )  # fmt: skip

    def healthy(self, replicas: int = 1) -> None:
        """All of it runs."""
        replica_set = self.replica_set(available=replicas)
        pod = self.pod(replica_set)
        self.container_is(pod, {"running": {"startedAt": "2026-11-30T10:00:00Z"}}, ready=True, started=True)
        counts = {"replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas}
        self.observed(progressing="NewReplicaSetAvailable", **counts, availableReplicas=replicas)


def _condition(kind: str, status: bool, reason: str, message: str) -> Object:
    return {"type": kind, "status": "True" if status else "False", "reason": reason, "message": message}


def _owner(found: Object) -> Object:
    return {
        "apiVersion": found["apiVersion"], "kind": found["kind"], "name": found["metadata"]["name"],
        "uid": found["metadata"]["uid"], "controller": True,
    }  # fmt: skip
