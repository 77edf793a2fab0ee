"""What a small API server keeps, and how it is changed."""

from __future__ import annotations

import copy
import datetime
import itertools
import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

from tests.api_server import fields as of

Object = dict[str, Any]


class Refused(Exception):
    """An answer that is no success: the Status of it."""

    def __init__(self, code: int, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.status = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "details": details, "code": code,
        }  # fmt: skip


class Store:
    """The objects of a cluster by API version, plural, namespace and name."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str, str], Object] = {}
        self.namespaces = {"default", "models"}
        self.logs: dict[tuple[str, bool], str] = {}
        """By the pod's name, and whether they are of the run before."""
        self.hooks: list[Callable[[str, str, Object | None], None]] = []
        """Each is told of a request: method, path, content. It may raise Refused."""
        self.lock = threading.RLock()
        self._numbers = itertools.count(100)

    def get(self, key: tuple[str, str, str, str]) -> Object:
        """An object. Raises Refused if it is not there."""
        try:
            return self.objects[key]
        except KeyError:
            _, plural, _, name = key
            message = f'{plural} "{name}" not found'
            raise Refused(404, "NotFound", message, name=name, kind=plural) from None

    def apply(self, key: tuple[str, str, str, str], applied: Object, manager: str, *, force: bool, dry: bool) -> Object:
        """Server-side apply."""
        live = self.objects.get(key)
        given = applied["metadata"].get("resourceVersion")
        if given is not None and (live is None or live["metadata"]["resourceVersion"] != given):
            raise self._conflict(key)
        applied = defaulted_keys(applied)
        wanted = of.leaves(applied)
        base = live or _new(applied)
        entries = copy.deepcopy(base["metadata"].get("managedFields") or [])
        own = next((one for one in entries if one["manager"] == manager and one["operation"] == "Apply"), None)
        others = [one for one in entries if one is not own]
        taken = self._taken(base, wanted, others)
        if taken and not force:
            raise _field_conflict(key, taken)
        for entry in others:
            paths = of.paths_of(entry["fieldsV1"]) - {path for path, owner in taken if owner is entry}
            entry["fieldsV1"] = of.as_fields(paths)
        kept = {path for one in others for path in of.paths_of(one["fieldsV1"])}
        merged = of.merge(base, {name: value for name, value in applied.items() if name != "status"})
        for path in of.paths_of(own["fieldsV1"]) - wanted.keys() - kept if own else ():
            of.remove(merged, path)
        entry = _entry(manager, "Apply", applied, of.as_fields(wanted))
        if own is not None and own["fieldsV1"] == entry["fieldsV1"]:
            entry["time"] = own["time"]
        merged["metadata"]["managedFields"] = [one for one in others if one["fieldsV1"]] + [entry]
        return self._keep(key, merged, live, dry=dry)

    def write(self, key: tuple[str, str, str, str], content: Object, manager: str, part: str = "") -> Object:
        """Put an object, or its status, in the place of the one that is there, or make it."""
        live = self.objects.get(key)
        given = content["metadata"].get("resourceVersion")
        if live is not None and given is not None and given != live["metadata"]["resourceVersion"]:
            raise self._conflict(key)
        if live is None:
            written = {**_new(content), **copy.deepcopy(content)}
            written["metadata"] = {**_new(content)["metadata"], **content["metadata"]}
            changed = set(of.leaves(written))
            entries = []
        elif part == "status":
            written = {**copy.deepcopy(live), "status": copy.deepcopy(content.get("status") or {})}
            changed, entries = set(), copy.deepcopy(live["metadata"]["managedFields"])
        else:
            written = {**copy.deepcopy(content), "status": live.get("status", {})}
            server_own = {name: live["metadata"][name] for name in ("uid", "creationTimestamp", "generation")}
            written["metadata"] = {**content["metadata"], **server_own}
            before, after = of.leaves(live), of.leaves(written)
            changed = {path for path, value in after.items() if path not in before or before[path] != value}
            entries = copy.deepcopy(live["metadata"]["managedFields"])
            for entry in entries:
                gone = {path for path in of.paths_of(entry["fieldsV1"]) if path not in after}
                entry["fieldsV1"] = of.as_fields(of.paths_of(entry["fieldsV1"]) - changed - gone)
        if changed:
            entries.append(_entry(manager, "Update", written, of.as_fields(changed)))
        written["metadata"]["managedFields"] = [one for one in entries if one["fieldsV1"]]
        return self._keep(key, written, live, dry=False)

    def delete(self, key: tuple[str, str, str, str], uid: str | None) -> Object:
        """Delete an object."""
        found = self.get(key)
        if uid is not None and uid != found["metadata"]["uid"]:
            raise self._conflict(key)
        del self.objects[key]
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}

    def _keep(self, key: tuple[str, str, str, str], made: Object, live: Object | None, *, dry: bool) -> Object:
        made = defaulted(made)
        same = live is not None and _without_server_own(made) == _without_server_own(live)
        if live is not None and made.get("spec") != live.get("spec"):
            made["metadata"]["generation"] = live["metadata"].get("generation", 1) + 1
        if not same:
            made["metadata"]["resourceVersion"] = str(next(self._numbers))
        if not dry:
            self.objects[key] = made
        return copy.deepcopy(made)

    @staticmethod
    def _taken(live: Object, wanted: dict[of.Path, Any], others: list[Object]) -> list[tuple[of.Path, Object]]:
        now = of.leaves(live)
        found = []
        for entry in others:
            for path in of.paths_of(entry["fieldsV1"]):
                if path in wanted and now.get(path) != wanted[path]:
                    found.append((path, entry))
        return found

    def _conflict(self, key: tuple[str, str, str, str]) -> Refused:
        message = f'Operation cannot be fulfilled on {key[1]} "{key[3]}": the object has been modified'
        return Refused(409, "Conflict", message, name=key[3], kind=key[1])


def _field_conflict(key: tuple[str, str, str, str], taken: list[tuple[of.Path, Object]]) -> Refused:
    causes = []
    for path, entry in taken:
        scale = f' with subresource "{entry["subresource"]}"' if entry.get("subresource") else ""
        said = f'conflict with "{entry["manager"]}"{scale} using {entry["apiVersion"]}'
        causes.append({"reason": "FieldManagerConflict", "message": said, "field": _text(path)})
    return Refused(
        409, "Conflict", f"Apply failed with {len(causes)} conflicts", name=key[3], kind=key[1], causes=causes
    )


def _text(path: of.Path) -> str:
    made = ""
    for step in path:
        if step.startswith("f:"):
            made += f".{step[2:]}"
        else:
            made += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(step[2:]).items()) + "]"
    return made


def _entry(manager: str, operation: str, content: Object, paths: Object) -> Object:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "manager": manager, "operation": operation, "apiVersion": content["apiVersion"], "time": now,
        "fieldsType": "FieldsV1", "fieldsV1": paths,
    }  # fmt: skip


def _new(content: Object) -> Object:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = {key: content["metadata"][key] for key in ("name", "namespace") if key in content["metadata"]}
    metadata = {**names, "uid": str(uuid.uuid4()), "creationTimestamp": now, "generation": 1}
    return {"apiVersion": content["apiVersion"], "kind": content["kind"], "metadata": metadata}


def _without_server_own(found: Object) -> Object:
    metadata = {key: value for key, value in found["metadata"].items() if key not in ("resourceVersion", "generation")}
    return {**found, "metadata": metadata}


def defaulted_keys(content: Object) -> Object:
    """With the defaults of what tells the elements of a list apart."""
    content = copy.deepcopy(content)
    for container in content.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
        for port in container.get("ports", ()):
            port.setdefault("protocol", "TCP")
    if content["kind"] == "Service":
        for port in content["spec"].get("ports", ()):
            port.setdefault("protocol", "TCP")
    return content


def defaulted(content: Object) -> Object:
    """With some of the defaults of a real one, where they matter to us."""
    if content["kind"] == "Deployment":
        content["spec"].setdefault("replicas", 1)
        for container in content["spec"]["template"]["spec"]["containers"]:
            container.setdefault("imagePullPolicy", "IfNotPresent")
    return content
