"""What a front answers itself: which services there are, how they are, and how the front is."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import quote

from scoringhost._version import __version__
from scoringhost.dialects import probes
from scoringhost.dialects.azureml_words import AzureMlWords
from scoringhost.dialects.oip.repository import EXTENSION
from scoringhost.dialects.oip.words import EXTENSIONS, OIP_HEALTH_PATHS, ROOT, OipWords
from scoringhost.errors import NotReady, ScoringHostError, UnknownRoute, UnknownService
from scoringhost.fleet.front.directory import known_versions
from scoringhost.fleet.routing import RoutingTable, ServiceRoute, State, VersionRoute
from scoringhost.fleet.specs import version_order
from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Answer, Endpoint
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue

HTML = "text/html; charset=utf-8"
_ADVICE = "services are at /services/NAME/score and /v2/models/NAME, and GET / lists them"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STYLE = "body{font:15px sans-serif;margin:2em}td,th{text-align:left;padding:.3em 1em .3em 0;vertical-align:top}"


class Health:
    """Whether the fleet is there for requests. is_leaving: the front is about to end."""

    def __init__(self, table: Callable[[], RoutingTable]) -> None:
        self._table = table
        self.is_leaving = False

    def require_settled(self) -> None:
        """Nothing, once all services that should load have tried to.

        Raises:
            NotReady: until then.
        """
        if not self._table().settled:
            raise NotReady("The services are being loaded")

    def require_ready(self) -> None:
        """Nothing, if requests can be answered: one version is ready at least, or none is wanted.

        Raises:
            NotReady: otherwise; says why.
        """
        if self.is_leaving:
            raise NotReady("The server is stopping")
        self.require_settled()
        versions = [one for service in self._table().services.values() for one in service.versions.values()]
        if any(one.state is State.READY or one.wakes for one in versions):
            return
        if any(one.state is not State.STOPPED for one in versions):
            raise NotReady("None of the services is ready")


@dataclass(slots=True)
class FrontPages(AzureMlWords):
    """The front's own paths, in Azure ML's words. is_open: whether the list of services needs no key."""

    table: Callable[[], RoutingTable]
    health: Health
    is_open: bool = True

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        index, listed = _read(self.index), _read(self.listed)
        return {
            **probes.endpoints(lambda _: self.health.require_ready(), lambda _: self.health.require_settled()),
            "/": Endpoint(index, logged=False, is_open=self.is_open),
            # Also what cannot be read as a request is answered as if it had been for this path.
            "/score": Endpoint(dict.fromkeys(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"), _refuse)),
            "/services": Endpoint(listed, logged=False, is_open=self.is_open),
            "/services/{name}": Endpoint(_read(self.one), logged=False, is_open=self.is_open),
            "/services/{name}/versions/{version}": Endpoint(_read(self.version), logged=False, is_open=self.is_open),
        }

    def render(self, error: ScoringHostError, detail: str = "") -> HttpResponse:
        """The response for an error; a path that nobody serves may be one of a service, without its name."""
        if isinstance(error, UnknownRoute):
            error = UnknownRoute(error.path, _ADVICE)
        return AzureMlWords.render(self, error, detail)

    def index(self, request: HttpRequest) -> HttpResponse:
        """The services, as a table for a person and as JSON for a program."""
        if "text/html" not in request.headers.get("accept", ""):
            return self.listed(request)
        page = _page(self.table())
        return HttpResponse(200, [("Content-Type", HTML), ("Content-Security-Policy", _POLICY)], page.encode())

    def listed(self, request: HttpRequest) -> HttpResponse:
        """The services as JSON."""
        table = self.table()
        services: JsonValue = [_service(one) for _, one in sorted(table.services.items())]
        return _json({"services": services, "settled": table.settled})

    def one(self, request: HttpRequest) -> HttpResponse:
        """One service as JSON."""
        name = request.parameters["name"]
        found = self.table().services.get(name)
        if found is None:
            raise UnknownService(name, hint="GET / lists those that there are")
        return _json(_service(found))

    def version(self, request: HttpRequest) -> HttpResponse:
        """One version of a service as JSON."""
        name, number = request.parameters["name"], request.parameters["version"]
        found = self.table().services.get(name)
        if found is None:
            raise UnknownService(name, number, hint="GET / lists those that there are")
        version = found.versions.get(number)
        if version is None:
            names = [one.version for one in _sorted(found)]
            raise UnknownService(name, number, hint=known_versions(names))
        return _json({**_version(found, version), "urls": _urls(name, number)})


@dataclass(slots=True)
class FrontV2(OipWords):
    """What the Open Inference Protocol asks of a server, of all services together."""

    health: Health
    is_open: bool = False

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        live, ready = OIP_HEALTH_PATHS
        return {
            ROOT: Endpoint(_read(self.server), is_open=self.is_open),
            f"{ROOT}/": Endpoint(_read(self.server), is_open=self.is_open),
            live: Endpoint(_read(self.live), logged=False, is_open=True),
            ready: Endpoint(_read(self.ready), logged=False, is_open=True),
        }

    def server(self, request: HttpRequest) -> HttpResponse:
        """What the server is."""
        return _json({"name": "scoringhost", "version": __version__, "extensions": [*EXTENSIONS, EXTENSION]})

    def live(self, request: HttpRequest) -> HttpResponse:
        """It has read this request: that is all there is to it."""
        return _json({"live": True})

    def ready(self, request: HttpRequest) -> HttpResponse:
        """Whether the fleet is there for requests."""
        try:
            self.health.require_ready()
        except NotReady as error:
            response = self.render(error)
            response.body = json_text.dumps({"ready": False, "error": str(error)})
            return response
        return _json({"ready": True})


# -- what the replicas answer -----------------------------------------------------------------------

_HEALTH = ("/", "/livez", "/readyz", "/startupz", "/ping", "/health")
_V2_HEALTH = (*OIP_HEALTH_PATHS, f"{ROOT}/models/{{model}}/ready", f"{ROOT}/models/{{model}}/versions/{{number}}/ready")
_PAGES = ("/docs", "/docs/page.css", "/docs/{file}.js")
_V2_PAGES = tuple(
    f"{ROOT}{model}/docs{file}" for model in ("", "/models/{model}") for file in ("", "/page.css", "/v2.js")
)
_DOCUMENTS = ("/swagger.json", "/docs/service.json")


@dataclass(slots=True)
class ServicePaths(AzureMlWords):
    """The paths of services: nothing is answered here, but errors are worded, and it is known what needs no key."""

    documents_open: bool = False

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        more = _DOCUMENTS if self.documents_open else ()
        return _of_replicas((*_HEALTH, *_PAGES, *more), "/{rest:path}")


@dataclass(slots=True)
class ServiceV2Paths(OipWords):
    """The same of those below /v2, of a service and of all models."""

    documents_open: bool = False

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        found = _of_replicas((*_V2_HEALTH, *_V2_PAGES), f"{ROOT}/{{rest:path}}")
        found.update(_of_replicas((ROOT,) if self.documents_open else (), ROOT))
        models = f"{ROOT}/models/{{name}}"
        for base in (models, f"{models}/versions/{{version}}"):
            found[base] = Endpoint({}, is_open=self.documents_open)
            found[f"{base}/ready"] = Endpoint({}, logged=False, is_open=True)
            for file in ("", "/page.css", "/v2.js"):
                found[f"{base}/docs{file}"] = Endpoint({}, logged=False, is_open=True)
            found[f"{base}/docs/dataplane.json"] = Endpoint({}, logged=False, is_open=self.documents_open)
        found[f"{models}/{{rest:path}}"] = Endpoint({}, scores=True)
        return found


def _of_replicas(open_paths: tuple[str, ...], others: str) -> dict[str, Endpoint]:
    """The endpoints below each service and each version; those of a version first, as the others would take them."""
    found: dict[str, Endpoint] = {}
    for base in ("/services/{name}/versions/{version}", "/services/{name}"):
        for path in open_paths:
            found[base + path] = Endpoint({}, logged=False, is_open=True)
        found.setdefault(base + others, Endpoint({}, scores=True))
    return found


# -- forms --------------------------------------------------------------------------------------------


def _read(answer: Answer) -> Mapping[str, Answer]:
    return {"GET": answer, "HEAD": answer}


def _refuse(request: HttpRequest) -> NoReturn:
    raise UnknownRoute(request.path)


def _json(value: JsonValue) -> HttpResponse:
    return HttpResponse(200, [("Content-Type", JSON)], json_text.dumps(value))


def _sorted(service: ServiceRoute) -> list[VersionRoute]:
    return sorted(service.versions.values(), key=lambda one: version_order(one.version))


def _service(service: ServiceRoute) -> JsonValue:
    versions: JsonValue = [_version(service, one) for one in _sorted(service)]
    return {"name": service.name, "default": service.default, "versions": versions, "urls": _urls(service.name)}


def _version(service: ServiceRoute, one: VersionRoute) -> dict[str, JsonValue]:
    return {
        "version": one.version,
        "state": one.state.value,
        "reason": one.reason,
        "default": one.version == service.default,
        "workers": len(one.workers),
    }


def _urls(service: str, version: str = "") -> JsonValue:
    """Where a service is asked, or one version of it."""
    name, number = quote(service, safe=""), quote(version, safe="")
    below = f"{name}/versions/{number}" if version else name
    return {
        "score": f"/services/{below}/score",
        "openapi": f"/services/{below}/swagger.json",
        "docs": f"/services/{below}/docs",
        "v2": f"/v2/models/{below}",
    }


def _page(table: RoutingTable) -> str:
    rows = "".join(_row(service, one) for _, service in sorted(table.services.items()) for one in _sorted(service))
    head = "<tr><th>Service<th>Version<th>State<th>Workers<th>Reason</tr>"
    listed = f"<table>{head}{rows}</table>" if rows else "<p>There is no service yet.</p>"
    meta = '<!doctype html><html lang="en"><meta charset="utf-8">'
    return f"{meta}<title>Services</title><style>{_STYLE}</style><h1>Services</h1>{listed}</html>"


def _row(service: ServiceRoute, one: VersionRoute) -> str:
    name = quote(service.name, safe="")
    version = f"/versions/{quote(one.version, safe='')}" if one.version else ""
    link = f'<a href="{html.escape(f"services/{name}{version}/docs")}">{html.escape(service.name)}</a>'
    number = html.escape(one.version) + (" (default)" if one.version == service.default else "")
    cells = [link, number, one.state.value, str(len(one.workers)), html.escape(one.reason)]
    return f"<tr>{''.join(f'<td>{cell}' for cell in cells)}</tr>"
