"""The table of what the MLServer class asks of its server: each operation once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MlsOperation:
    """One operation. name: of the function that answers it; is_open: nobody is asked who he is."""

    name: str
    method: str
    path: str
    is_open: bool = False


_SERVICE, _REALTIME, _API = "/services/{name}/{version}", "/realtime-services/{name}", "/api/{name}/{version}"
_BATCH = f"{_API}/batch/{{batch}}"

MLS_OPERATIONS = (
    MlsOperation("about", "GET", "/", is_open=True),
    MlsOperation("log_in", "POST", "/login", is_open=True),
    MlsOperation("refresh", "POST", "/login/refreshToken", is_open=True),
    MlsOperation("revoke", "DELETE", "/login/refreshToken", is_open=True),
    MlsOperation("create_session", "POST", "/sessions"),
    MlsOperation("delete_session", "DELETE", "/sessions/{session}"),
    MlsOperation("set_object", "POST", "/sessions/{session}/workspace/{object}"),
    MlsOperation("create_snapshot", "POST", "/sessions/{session}/snapshot"),
    MlsOperation("delete_snapshot", "DELETE", "/snapshots/{snapshot}"),
    MlsOperation("list_services", "GET", "/services"),
    MlsOperation("list_versions", "GET", "/services/{name}"),
    MlsOperation("publish", "POST", "/services/{name}"),
    MlsOperation("get_version", "GET", _SERVICE),
    MlsOperation("publish", "POST", _SERVICE),
    MlsOperation("change", "PATCH", _SERVICE),
    MlsOperation("delete", "DELETE", _SERVICE),
    MlsOperation("get_pool", "GET", f"{_SERVICE}/pool"),
    MlsOperation("set_pool", "POST", f"{_SERVICE}/pool"),
    MlsOperation("delete_pool", "DELETE", f"{_SERVICE}/pool"),
    MlsOperation("publish_realtime", "POST", _REALTIME),
    MlsOperation("publish_realtime", "POST", f"{_REALTIME}/{{version}}"),
    MlsOperation("change_realtime", "PATCH", f"{_REALTIME}/{{version}}"),
    MlsOperation("change_realtime", "PATCH", _REALTIME),
    MlsOperation("consume", "POST", _API),
    MlsOperation("swagger", "GET", f"{_API}/swagger.json"),
    MlsOperation("start_batch", "POST", f"{_API}/batch"),
    MlsOperation("list_batches", "GET", f"{_API}/batch"),
    MlsOperation("get_batch", "GET", _BATCH),
    MlsOperation("cancel_batch", "DELETE", _BATCH),
    MlsOperation("list_files", "GET", f"{_BATCH}/{{index}}/files"),
    MlsOperation("get_file", "GET", f"{_BATCH}/{{index}}/files/{{file}}"),
)
