"""MLServer: services on a server that speaks the API of Microsoft ML Server, as `scoringhost hub --mlserver` does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from scoringhost.azureml.common import Configuration, HttpClient
from scoringhost.azureml.deploy._login import login_of
from scoringhost.azureml.deploy._options import body_of, pickled_objects, realtime_parts
from scoringhost.azureml.deploy._workspace import snapshot_of
from scoringhost.azureml.deploy._zipped import zipped
from scoringhost.azureml.deploy.operationalization import Operationalization
from scoringhost.azureml.deploy.server.service import Service, service_of

if TYPE_CHECKING:
    from requests import Response

ZIP = {"Content-Type": "application/zip"}


class MLServer(Operationalization):
    """Publishes, lists, changes and removes services, and their pools."""

    _client: HttpClient | None = None

    def initializer(self, http_client: HttpClient, config: Configuration, adapters: Any = None) -> None:
        """Take what requests are sent with.

        adapters: of requests, by the beginning of the URLs that they are for: a dict, a list of pairs, or one for all.

        Raises:
            ValueError: if they are none of these.
        """
        self._client = http_client
        if adapters is None:
            return
        pairs = [(http_client.host, adapters)]
        if isinstance(adapters, Mapping):
            pairs = list(adapters.items())
        elif isinstance(adapters, list):
            pairs = adapters
        try:
            for prefix, adapter in pairs:
                adapter.send  # noqa: B018 - what is none is known here, and not at the first request
                http_client.mount(prefix, adapter)
        except (TypeError, ValueError, AttributeError):
            raise ValueError(
                "adapters: a dict by URL, a list of pairs or one adapter of requests is expected"
            ) from None

    def destructor(self) -> None:
        """Close the connections; later calls fail without a request. Twice is fine."""
        client, self._client = self._client, None
        if client is not None:
            client.renew = None
            client.close()

    def authentication(self, context: Any) -> None:
        """Log in.

        context: a name and a password; an access token; or a dict of a directory: authuri, tenant, clientid, resource,
        and username and password, or code, or user_code_callback.

        Raises:
            HttpException: if that lets nobody in.
            ValueError: if it is none of these.
        """
        client = self._http
        login = login_of(context, client)
        if login is None:
            client.renew, client.authorization = None, context
            return
        client.authorization = login.token()

        def renew() -> bool:
            token = login.renewed()
            if token is not None:
                client.authorization = token
            return token is not None

        client.renew = renew

    @property
    def _http(self) -> HttpClient:
        if self._client is None:
            raise ValueError("this client has been closed")
        return self._client

    # -- looking ------------------------------------------------------------------------------------

    def get_service(self, name: str, **opts: Any) -> Service:
        """A service, to be called. version: which one; the newest if none is named.

        Raises:
            ValueError: if there is none of that name.
            HttpException: if there is no such version.
        """
        return service_of(self._found(name, _version(opts)), self._http)

    def list_services(self, name: str | None = None, **opts: Any) -> list[dict[str, Any]]:
        """What the server says of all services, of the versions of one, or of one version; the oldest first."""
        version = _version(opts)
        if name is None and version is not None:
            raise ValueError("version: of which service? name is missing")
        found: list[dict[str, Any]] = self._http.get(_path("services", name, version)).json()
        return found

    def _found(self, name: str, version: str | None) -> dict[str, Any]:
        found = self.list_services(_required(name, "name"), version=version)
        if not found:
            raise ValueError(f"name: there is no service {name!r}")
        return found[-1]

    def delete_service(self, name: str, **opts: Any) -> bool:
        """Remove a version of a service; returns True.

        Raises:
            ValueError: if no version is named.
            HttpException: if there is none, or it is another's.
        """
        self._http.delete(_path("services", _required(name, "name"), _required(_version(opts), "version")))
        return True

    # -- publishing ---------------------------------------------------------------------------------

    def deploy_service(self, name: str, **opts: Any) -> Service:
        """Publish code as a service.

        version: its version; the server makes one up if none is named. description. code_fn, code_str: a function or
        source, which runs for each call; init_fn, init_str: that runs once before. objects, models: dicts of what the
        code finds as globals. inputs, outputs: dicts of names and types. artifacts: names of files that the code
        writes. alias: what the service's method is called; the name of code_fn, or consume.

        Raises:
            ValueError: if something in it cannot be published; then nothing is.
            HttpException: if the server refuses, or the code cannot be loaded there.
        """
        version = opts.pop("version", None)
        body, objects = body_of(opts), pickled_objects(opts)
        if body.get("code") is None and body.get("initCode") is None:
            raise ValueError("code_fn or code_str is missing: the code that runs")
        with snapshot_of(self._http, objects) as snapshot:
            made = self._http.post(_path("services", _required(name, "name"), version), json=body | snapshot).json()
        return self.get_service(name, version=made)

    def redeploy_service(self, name: str, **opts: Any) -> Service:
        """Change a version of a service, the newest one if none is named; what is not named stays.

        opts: see `deploy_service`.

        Raises:
            ValueError: if something in it cannot be published, or there is no such service.
            HttpException: if the server refuses, or the code cannot be loaded there; the service is as before then.
        """
        before = self._found(name, opts.pop("version", None))
        body, objects = body_of(opts, before), pickled_objects(opts)
        path = _path("services", name, before["version"])
        with snapshot_of(self._http, objects) as snapshot:
            self._http.patch(path, json=body | snapshot)
        return self.get_service(name, version=before["version"])

    def deploy_realtime(self, name: str, **opts: Any) -> Service:
        """Publish a model without code: its inputs are the columns of a table, and so are its outputs.

        serialized_model: what `rx_serialize_model` returns. version, description, alias: see `deploy_service`.

        Raises:
            ValueError: if it is no such model; nothing is sent then.
            HttpException: if the server refuses.
        """
        version = opts.pop("version", None)
        parts = realtime_parts(opts, is_new=True)
        made = self._http.post(_path("realtime-services", _required(name, "name"), version), files=parts).json()
        return self.get_service(name, version=made)

    def redeploy_realtime(self, name: str, **opts: Any) -> Service:
        """Change a model without code, or what is said of it; the newest version if none is named.

        Raises:
            ValueError: if it is no such model, or there is no such service.
            HttpException: if the server refuses.
        """
        version = opts.pop("version", None)
        parts = realtime_parts(opts, is_new=False)
        if version is None:
            version = self._found(name, None)["version"]
        if parts:  # without one there would be no form
            self._http.patch(_path("realtime-services", name, version), files=parts)
        return self.get_service(name, version=version)

    def deploy_folder(
        self, name: str, folder: str | Path, *, version: str | None = None, description: str | None = None
    ) -> Service:
        """Publish a folder with a score.py, as `scoringhost serve` takes it; Microsoft's servers know no such thing.

        Its inputs are those that run() declares, and what it returns is the output `result`.

        Raises:
            ValueError: if there is no score.py in it.
            HttpException: if the server refuses, or it cannot be started there.
        """
        content = zipped(Path(folder))
        query = {} if description is None else {"description": description}
        path = _path("services", _required(name, "name"), version)
        made = self._http.post(path, data=content, headers=ZIP, params=query).json()
        return self.get_service(name, version=made)

    def redeploy_folder(
        self, name: str, folder: str | Path, *, version: str | None = None, description: str | None = None
    ) -> Service:
        """Put another folder into the place of a version, the newest one if none is named; see `deploy_folder`."""
        content = zipped(Path(folder))
        version = self._found(name, version)["version"]
        query = {} if description is None else {"description": description}
        self._http.patch(_path("services", name, version), data=content, headers=ZIP, params=query)
        return self.get_service(name, version=version)

    # -- pools --------------------------------------------------------------------------------------

    def create_or_update_service_pool(
        self,
        name: str,
        version: str,
        initial_pool_size: int,
        max_pool_size: int | None = None,
        maximum_pool_size: int | None = None,
        **opts: Any,
    ) -> Response:
        """Have so many processes of a service ready, and have more started on demand, up to the greatest number.

        max_pool_size, or maximum_pool_size as some documents call it: that number.

        Raises:
            HttpException: if the server refuses.
        """
        most = max_pool_size if max_pool_size is not None else maximum_pool_size
        body = {"InitialPoolSize": initial_pool_size, "MaxPoolSize": _required(most, "max_pool_size")}
        return self._http.post(self._pool(name, version), json=body)

    def get_service_pool_status(self, name: str, version: str, **opts: Any) -> list[dict[str, Any]]:
        """Of each machine that runs the service, whether its processes are ready: Success, Pending or NotFound."""
        found: list[dict[str, Any]] = self._http.get(self._pool(name, version)).json()
        return found

    def delete_service_pool(self, name: str, version: str, **opts: Any) -> Response:
        """Have the service run as it would without a pool."""
        return self._http.delete(self._pool(name, version))

    @staticmethod
    def _pool(name: str, version: str) -> str:
        return _path("services", _required(name, "name"), _required(version, "version")) + "/pool"


def _version(opts: Mapping[str, Any]) -> str | None:
    for name in opts:
        if name != "version":
            raise ValueError(f"there is no option {name!r}; there is: version")
    version: str | None = opts.get("version")
    return version


def _required(value: Any, what: str) -> Any:
    if value is None:
        raise ValueError(f"{what} is missing")
    return value


def _path(what: str, name: str | None, version: str | None) -> str:
    """The path of all, of one, or of one of its versions.

    Raises:
        ValueError: if one is no text, or would lead elsewhere.
    """
    found = f"/{what}"
    for part, value in (("name", name), ("version", version)):
        if value is None:
            continue
        if not isinstance(value, str) or value in ("", ".", ".."):
            raise ValueError(f"{part}: {value!r} cannot be one; letters, digits, dots, dashes and underlines can")
        found += "/" + quote(value, safe="")
    return found
