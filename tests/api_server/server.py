"""A small API server over real HTTP, for clients of the real protocol. It has no controllers, and no kubelet."""

from __future__ import annotations

import http.server
import json
import re
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.api_server.store import Refused, Store

_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+/[^/]+))/namespaces/(?P<namespace>[^/]+)/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<part>[a-z]+))?"
)
CORE = {"configmaps": "ConfigMap", "events": "Event", "pods": "Pod", "secrets": "Secret", "services": "Service"}
SERVED = {
    "v1": set(CORE),
    "apps/v1": {"deployments", "replicasets"},
    "autoscaling/v2": {"horizontalpodautoscalers"},
    "policy/v1": {"poddisruptionbudgets"},
    "networking.k8s.io/v1": {"networkpolicies", "ingresses"},
    "gateway.networking.k8s.io/v1": {"httproutes"},
}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = Store()


class ApiServer:
    """Runs while it is entered."""

    def __init__(self) -> None:
        self._server = _Server()
        self.store = self._server.store
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ApiServer:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    # An answer of two small writes would wait 40 ms for the other side's acknowledgement.
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def _do(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = json.loads(self.rfile.read(length)) if length else None
        try:
            with self.server.store.lock:
                for hook in list(self.server.store.hooks):
                    hook(self.command, self.path, content)
                body = self._answer(content)
            code = 201 if self.command == "POST" else 200
        except Refused as refused:
            code, body = refused.code, json.dumps(refused.status)
        data = body.encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _do

    def _answer(self, content: Any) -> str:
        parts = urlsplit(self.path)
        found = _PATH.fullmatch(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        version = (found["core"] or found["group"]) if found else ""
        if found is None or found["plural"] not in SERVED.get(version, ()):
            raise Refused(404, "NotFound", "404 page not found")
        store, namespace, name = self.server.store, found["namespace"], found["name"] or ""
        key = (version, found["plural"], namespace, name)
        if self.command in ("POST", "PATCH") and namespace not in store.namespaces:
            raise Refused(404, "NotFound", f'namespaces "{namespace}" not found', name=namespace, kind="namespaces")
        if self.command == "GET":
            if found["part"] == "log":
                return self._log(key, query.get("previous") == "true", int(query["tailLines"]))
            return json.dumps(store.get(key) if name else self._list(key, query))
        return json.dumps(self._change(key, found["part"] or "", query, content))

    def _change(self, key: tuple[str, str, str, str], part: str, query: dict[str, str], content: Any) -> dict[str, Any]:
        store, manager = self.server.store, query.get("fieldManager", "test")
        if self.command == "POST":
            key = (*key[:3], content["metadata"]["name"])
            if key in store.objects:
                message = f'{key[1]} "{key[3]}" already exists'
                raise Refused(409, "AlreadyExists", message, name=key[3], kind=key[1])
            return store.write(key, content, manager)
        if self.command == "PATCH":
            force, dry = query.get("force") == "true", query.get("dryRun") == "All"
            return store.apply(key, content, manager, force=force, dry=dry)
        if self.command == "PUT":
            return store.write(key, content, manager, part)
        uid = ((content or {}).get("preconditions") or {}).get("uid")
        return store.delete(key, uid)

    def _log(self, key: tuple[str, str, str, str], previous: bool, lines: int) -> str:
        self.server.store.get(key)
        text = self.server.store.logs.get((key[3], previous))
        if text is None:
            message = f'previous terminated container in pod "{key[3]}" not found'
            raise Refused(400, "BadRequest", message)
        return "\n".join(text.splitlines()[-lines:]) + "\n"

    def _list(self, key: tuple[str, str, str, str], query: dict[str, str]) -> dict[str, Any]:
        wanted = [one.partition("=") for one in query.get("labelSelector", "").split(",") if one]
        items = []
        for found, one in self.server.store.objects.items():
            labels = one["metadata"].get("labels") or {}
            if found[:3] == key[:3] and all(
                name in labels and (not sign or labels[name] == value) for name, sign, value in wanted
            ):
                items.append(one)
        return {"kind": "List", "apiVersion": key[0], "metadata": {"resourceVersion": "1"}, "items": items}
