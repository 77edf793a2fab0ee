"""What the protocol says of itself: an OpenAPI document with the model's own tensors in it, and a page to try it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from scoringhost.dialects.docs import GUARDS, content
from scoringhost.dialects.oip.data_plane import data_plane
from scoringhost.dialects.oip.model import Model
from scoringhost.dialects.oip.words import ROOT, OipWords
from scoringhost.http.errors import JSON
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Answer, Endpoint
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue

_FILES = {
    "": ("v2.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/v2.js": ("v2.js", "text/javascript; charset=utf-8"),
}


@dataclass(slots=True)
class OipDocuments(OipWords):
    """The document and the page, of the server and of the model: with one model these are the same.

    sample: what /score takes, as an example. has_page: whether the page is served; it is for everybody, as /docs.
    is_open: whether the document needs no key.
    """

    model: Model
    sample: Callable[[], JsonValue]
    has_page: bool
    is_open: bool = False
    _document: list[bytes] = field(default_factory=list)

    def endpoints(self) -> dict[str, Endpoint]:
        """What is served where."""
        found: dict[str, Endpoint] = {}
        model = f"{ROOT}/models/{{model}}"
        for base in (f"{ROOT}/docs", f"{model}/docs", f"{model}/versions/{{version}}/docs"):
            document = self._of_this_model(self._data_plane)
            found[f"{base}/dataplane.json"] = Endpoint(document, logged=False, is_open=self.is_open)
            for name in _FILES if self.has_page else ():
                found[base + name] = Endpoint(self._of_this_model(_file(name)), logged=False, is_open=True)
        return found

    def _of_this_model(self, answer: Callable[[HttpRequest], HttpResponse]) -> dict[str, Answer]:
        def checked(request: HttpRequest) -> HttpResponse:
            named = request.parameters
            if named:
                self.model.require(named["model"], named.get("version"))
            return answer(request)

        return {"GET": checked, "HEAD": checked}

    def _data_plane(self, request: HttpRequest) -> HttpResponse:
        if not self._document:
            self._document.append(json_text.dumps(data_plane(self.model, self.sample())))
        return HttpResponse(200, [("Content-Type", JSON), *GUARDS], self._document[0])


def _file(name: str) -> Callable[[HttpRequest], HttpResponse]:
    file, kind = _FILES[name]
    return lambda request: HttpResponse(200, [("Content-Type", kind), *GUARDS], content(file))
