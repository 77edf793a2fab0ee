"""The page of a hub, at `/ui`, and at `/` for browsers: what it runs, how that is doing, and what can be done about it.

It is a client of the control API like any other: what it shows it has asked for with the caller's own token, and its
files say nothing, so that everybody may have them. Everything it needs is in this folder, and its addresses are
relative: it works without a network, and behind a proxy that serves the hub below a path.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Answer, Endpoint

_FOLDER = Path(__file__).parent
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
PAGE = "page.html"
_FILES = tuple(sorted(path.name for path in _FOLDER.iterdir() if path.suffix in _KINDS))
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing from elsewhere, and no frame of elsewhere; and no text becomes markup, whoever forgets what it is
(https://www.w3.org/TR/CSP3/, https://www.w3.org/TR/trusted-types/)."""
_HEADERS = (
    ("Content-Security-Policy", _POLICY),
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
)


def page_endpoints() -> dict[str, Endpoint]:
    """The files of the page, which no guard is asked for: a browser that opens it can send no key."""
    found = {"/ui": _endpoint(PAGE)}
    found.update({f"/ui/{name}": _endpoint(name) for name in _FILES if name != PAGE})
    return found


def for_browsers(answer: Answer) -> Answer:
    """The same answer, but for a browser that opens the address, which gets the page."""

    def choose(request: HttpRequest) -> object:
        if "text/html" in request.headers.get("accept", "").lower():
            response = sent(PAGE)
            response.headers.append(("Vary", "Accept"))
            return response
        return answer(request)

    return choose  # type: ignore[return-value]


def sent(name: str) -> HttpResponse:
    """A file of the page."""
    kind = _KINDS[Path(name).suffix]
    return HttpResponse(200, [("Content-Type", f"{kind}; charset=utf-8"), *_HEADERS], _content(name))


def _endpoint(name: str) -> Endpoint:
    def answer(_: HttpRequest) -> HttpResponse:
        return sent(name)

    return Endpoint({"GET": answer, "HEAD": answer}, logged=False, is_open=True)


@cache
def _content(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
