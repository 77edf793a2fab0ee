"""The table of what can be asked of a hub: each operation once, with its path, its fields and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JsonSchema = Mapping[str, Any]

TEXT: JsonSchema = {"type": "string"}
NUMBER: JsonSchema = {"type": "number", "minimum": 0}
COUNT: JsonSchema = {"type": "integer", "minimum": 0}
FLAG: JsonSchema = {"type": "boolean"}
OBJECT: JsonSchema = {"type": "object"}
TEXTS: JsonSchema = {"type": "object", "additionalProperties": {"type": "string"}}
VARIABLES: JsonSchema = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
SHARES: JsonSchema = {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 100}}

POOL = {"minimum": COUNT, "maximum": COUNT, "calls_each": NUMBER, "idle_s": NUMBER}
LABEL = {"description": TEXT, "tags": TEXTS, "properties": TEXTS}
SOURCE = {"path": TEXT, "upload": TEXT}
DEPLOYMENT = {
    "path": TEXT,
    "upload": TEXT,
    "models": NAMES,
    "script": TEXT,
    "settings": OBJECT,
    "environ": VARIABLES,
    "environment": TEXT,
    "pool": {"type": "object", "properties": POOL, "additionalProperties": False},
    "share": {"type": "number", "minimum": 0, "maximum": 100},
    "keys": TEXTS,
    "origin": OBJECT,
    **LABEL,
}
MODEL = {
    **SOURCE,
    "parts": NAMES,
    **LABEL,
    "framework": TEXT,
    "framework_version": TEXT,
    "run_id": TEXT,
    "origin": TEXT,
    "sample_input": {},
    "sample_output": {},
    "resources": OBJECT,
    "more": OBJECT,
}
WAIT = {"wait": NUMBER}
MODES = ("any", "create", "version", "add", "update")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. name: of the function that answers it. query, body: JSON schemas by field; is_raw: bytes.

    answers_bytes: and not JSON."""

    name: str
    method: str
    path: str
    summary: str
    query: Mapping[str, JsonSchema] = field(default_factory=dict)
    body: Mapping[str, JsonSchema] | None = None
    required: tuple[str, ...] = ()
    is_raw: bool = False
    answers_bytes: bool = False
    status: int = 200


_MODEL, _SERVICE = "/models/{name}", "/services/{name}"
_MODEL_VERSION, _VERSION = f"{_MODEL}/versions/{{version}}", f"{_SERVICE}/versions/{{version}}"
_VERSIONED = {"version": TEXT}

OPERATIONS = (
    Operation("about", "GET", "/", "What this hub is, and where its services answer"),
    Operation("add_link", "POST", "/links", "Make a link that opens the page of the hub once, as the caller",
              status=201),
    Operation("add_session", "POST", "/sessions", "Get a token for a page, for the code of such a link", status=201),
    Operation("end_session", "POST", "/sessions/end", "Have such a token not hold any more",
              body={"token": TEXT}, required=("token",)),
    Operation("stop", "POST", "/stop", "End the hub, and all that it runs, in order", status=202),
    Operation("add_upload", "POST", "/uploads", "Begin to send a file, or a folder as a tar archive",
              body={"name": TEXT, "kind": {"enum": ["file", "folder"]}}, required=("name", "kind"), status=201),
    Operation("send_part", "PATCH", "/uploads/{upload}", "Send the next part of it", {"offset": COUNT}, is_raw=True),
    Operation("remove_upload", "DELETE", "/uploads/{upload}", "Forget it"),
    Operation("list_models", "GET", "/models", "The models that fit, the newest first",
              {"name": TEXT, "tag": TEXT, "property": TEXT, "framework": TEXT, "run_id": TEXT, "latest": FLAG,
               "most": COUNT, "after": COUNT}),
    Operation("register_model", "POST", _MODEL, "Store an upload, or a path of the hub's machine, as the next version",
              body=MODEL, status=201),
    Operation("get_model", "GET", _MODEL, "The newest version of a model"),
    Operation("get_model_version", "GET", _MODEL_VERSION, "One version of a model"),
    Operation("get_model_content", "GET", f"{_MODEL_VERSION}/content",
              "The file of a version, or its folder as a tar archive", answers_bytes=True),
    Operation("change_model", "PATCH", _MODEL_VERSION, "Tag or describe it; what is not named stays",
              body={**LABEL, "remove_tags": NAMES, "replace_tags": FLAG}),
    Operation("delete_model", "DELETE", _MODEL_VERSION, "Delete one version of a model"),
    Operation("list_services", "GET", "/services", "All services with their versions"),
    Operation("get_service", "GET", _SERVICE, "One service with its versions"),
    Operation("create_service", "POST", _SERVICE, "A service without versions, which stays when it has none",
              body={"endpoint": TEXT}, status=201),
    Operation("delete_service", "DELETE", _SERVICE, "Undeploy a service with all its versions", WAIT),
    Operation("deploy", "POST", f"{_SERVICE}/versions", "Deploy a version",
              {**WAIT, "keep_failed": FLAG},
              {**DEPLOYMENT, "version": TEXT, "mode": {"enum": list(MODES)}}, status=201),
    Operation("get_version", "GET", _VERSION, "One version of a service", WAIT),
    Operation("update_version", "PATCH", _VERSION, "Change a version; what is not named stays",
              {**WAIT, "keep_failed": FLAG}, DEPLOYMENT),
    Operation("delete_version", "DELETE", _VERSION, "Undeploy one version", WAIT),
    Operation("roll_back", "POST", f"{_SERVICE}/rollback", "Go back to what was before the newest deployment", WAIT),
    Operation("start", "POST", f"{_SERVICE}/start", "Have it run, after a restart, too", {**WAIT, **_VERSIONED}),
    Operation("stop_service", "POST", f"{_SERVICE}/stop", "Have it not run until it is started",
              {**WAIT, **_VERSIONED}),
    Operation("reload", "POST", f"{_SERVICE}/reload", "Start it anew beside itself", {**WAIT, **_VERSIONED}),
    Operation("scale", "POST", f"{_SERVICE}/scale", "Change how many workers it has", _VERSIONED, POOL),
    Operation("divide", "PATCH", f"{_SERVICE}/traffic", "Divide the requests among versions; what is not named stays",
              body={"default": TEXT, "shares": SHARES, "sticky_header": TEXT, "shadow": SHARES, "control": TEXT}),
    Operation("get_keys", "GET", f"{_SERVICE}/keys", "The keys that are kept for a service"),
    Operation("set_keys", "PUT", f"{_SERVICE}/keys", "Keep keys for a service, by their names",
              body={"keys": TEXTS}, required=("keys",)),
    Operation("logs", "GET", f"{_SERVICE}/logs", "The last lines of the log", {**_VERSIONED, "lines": COUNT}),
    Operation("metrics_of", "GET", f"{_SERVICE}/metrics", "What has come of the calls of a service in the last minutes",
              {"slots": COUNT}),
    Operation("metrics", "GET", "/metrics", "What has come of the calls of all services in the last minutes",
              {"slots": COUNT}),
    Operation("get_sample", "GET", f"{_SERVICE}/sample", "What a service takes, with a sample, as it says itself",
              _VERSIONED),
    Operation("try_service", "POST", f"{_SERVICE}/try", "Call a service, and see what it answers",
              body={"text": TEXT, "content_type": TEXT, "version": TEXT}),
    Operation("events_of", "GET", f"{_SERVICE}/events", "What has happened to a service",
              {"after": COUNT, "most": COUNT}),
    Operation("events", "GET", "/events", "What has happened", {"after": COUNT, "most": COUNT}),
)  # fmt: skip
