"""The page at /docs: what the service takes, prefilled with its own sample, and a button to try it.

Everything the page needs comes from this package and this host, so it works without a network. Its
addresses are relative: it also works behind a proxy that serves the host below a path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from scoringhost.dialects.azureml_words import AzureMlWords
from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.kernel.host import Host
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue
from scoringhost.schema.openapi import OpenApiVersion
from scoringhost.script.description import Description
from scoringhost.script.signature import Takes

_FOLDER = Path(__file__).parent
_FILES = {
    "/docs": ("page.html", "text/html; charset=utf-8"),
    "/docs/page.css": ("page.css", "text/css; charset=utf-8"),
    **{
        f"/docs/{name}": (name, "text/javascript; charset=utf-8")
        for name in ("page.js", "answer.js", "calls.js", "fields.js", "key.js", "pretty.js", "schema.js", "snippets.js")
    },
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, whatever a service answers, and no frame of elsewhere (https://www.w3.org/TR/CSP3/)."""
GUARDS = (("Content-Security-Policy", _POLICY), ("X-Frame-Options", "DENY"), ("X-Content-Type-Options", "nosniff"))
"""For browsers; the second says to old ones what the end of the first says (RFC 7034)."""

_KINDS = {Takes.NAMED: "json", Takes.TEXT: "text", Takes.RAW: "raw", Takes.REQUEST: "text"}


@dataclass(slots=True)
class Docs(AzureMlWords):
    """The endpoints of the page, for the default service of a host.

    model_dir: shown if it is given, which is for debugging only: where a server keeps things is nobody's business.
    The page itself is for everybody, since a browser that opens it can send no key; is_open: whether what it says of
    the service is, too.
    """

    host: Host
    description: Description
    documents: Mapping[OpenApiVersion, JsonValue]
    service_name: str
    service_version: str
    model_dir: Path | None
    is_open: bool = False
    v2_call: Callable[[], JsonValue] = lambda: None
    """Path and body of the sample's call by the Open Inference Protocol, or None if there is none."""
    _v2_call: list[JsonValue] = field(default_factory=list)
    name: ClassVar[str] = "docs"
    prefix: ClassVar[str] = "/docs"

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        found = {}
        for path in _FILES:
            answer = self._file(path)
            found[path] = Endpoint({"GET": answer, "HEAD": answer}, logged=False, is_open=True)
        about = {"GET": self._service, "HEAD": self._service}
        found["/docs/service.json"] = Endpoint(about, logged=False, is_open=self.is_open)
        return found

    def _file(self, path: str) -> Any:
        name, kind = _FILES[path]
        return lambda request: HttpResponse(200, [("Content-Type", kind), *GUARDS], content(name))

    def _service(self, request: HttpRequest) -> HttpResponse:
        """What the page shows and fills in."""
        service = self.host.resolve()
        kind = _KINDS[service.signature.takes]
        about: dict[str, JsonValue] = {
            "name": self.service_name,
            "version": self.service_version,
            "server": self.server_version,
            "script": service.script.path.name,
            "model_dir": str(self.model_dir) if self.model_dir else None,
            "kind": kind,
            "text": self.description.text,
            "parameters": list(service.signature.names) if kind == "json" else [],
            "sample": self._sample(kind),
            "v2": self._call_of_sample(),
            "documents": [version.value for version in self.documents],
        }
        return HttpResponse(
            200, [("Content-Type", JSON), ("Cache-Control", "no-store"), *GUARDS], json_text.dumps(about)
        )

    def _call_of_sample(self) -> JsonValue:
        if not self._v2_call:  # made for the first who asks: it needs numpy, which a service may do without
            self._v2_call.append(self.v2_call())
        return self._v2_call[0]

    def _sample(self, kind: str) -> JsonValue:
        """What is filled in: the script's own sample, or that of a document which the user wrote."""
        if self.description.sample is not None or kind != "json":
            return self.description.sample
        return sample_of(self.documents)


@cache
def content(name: str) -> bytes:
    """A file of this folder."""
    return (_FOLDER / name).read_bytes()


def sample_of(documents: Mapping[OpenApiVersion, JsonValue]) -> object | None:
    """The body that the API documents show as an example of the input; None if there is none."""
    for document in documents.values():
        for path in (("components", "schemas", "ServiceInput", "example"), ("definitions", "ServiceInput", "example")):
            found: Any = document
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
            if found is not None:
                return found  # type: ignore[no-any-return]
    return None
