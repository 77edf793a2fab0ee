"""A client for tests: an entry script served inside the test's own process, without a socket.

    from scoringhost.testing import serve

    with serve("score.py") as client:
        assert client.score({"data": [[1.0, 2.0]]}) == [4.5]

A request goes the way of a served one from the HTTP application on: request ids, content types,
decoding, the scoring thread, limits, encoding. Only the server and its socket are left out.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from scoringhost import assemble
from scoringhost.client.answers import JSON, NoSample, Response, ScoreFailed
from scoringhost.engine.process import HURRY_S, PATIENCE_S, Process
from scoringhost.engine.site import Site
from scoringhost.errors import BodyTooLarge, ScoringHostError
from scoringhost.http.messages import Headers, HttpRequest
from scoringhost.kernel.call import request_id
from scoringhost.kernel.service import Service
from scoringhost.schema import json_text
from scoringhost.schema.openapi import sample_of
from scoringhost.settings import Settings
from scoringhost.telemetry.log_observer import LogObserver

ENTRY_FILE = "score.py"

__all__ = ["Client", "NoSample", "Response", "ScoreFailed", "serve"]


class Client:
    """Sends requests to an entry script that is served in this process."""

    def __init__(self, site: Site, process: Process, failures: Failures) -> None:
        self._site, self._process, self._failures = site, process, failures

    @property
    def module(self) -> Any:
        """The module of the entry script, to look at what it keeps or to put something in its place."""
        return self.service.script.module

    @property
    def service(self) -> Service:
        """The service behind it: the script, what its run() takes, its limits."""
        return self._site.host.resolve()

    @property
    def notices(self) -> tuple[str, ...]:
        """What the host has warned of so far, beside failures."""
        return tuple(self._failures.notices)

    def sample(self) -> Any:
        """The input that the script's own decorators show as its sample.

        Raises:
            NoSample: if it has none.
        """
        sample = sample_of(self.service.declarations.schemas.input)
        if sample is None:
            raise NoSample
        return sample

    def score(self, payload: Any = ..., *, content_type: str = JSON, headers: Mapping[str, str] | None = None) -> Any:
        """POST a payload to /score and answer the decoded result, a stream's as a whole.

        payload: bytes and text are sent as they are, anything else as JSON (arrays and frames, too);
        the script's own sample if it is left out.

        Raises:
            ScoreFailed: for an answer that is no 2xx; a stream that broke off, too.
            NoSample: if there is neither payload nor sample.
            NotReady: if the service has been closed.
            ResultNotEncodable: if the payload cannot be written as JSON.
        """
        payload = self.sample() if payload is ... else payload
        given = {"Content-Type": content_type, **(headers or {})}
        return self.request("POST", "/score", body=payload, headers=given).require_success().decoded()

    def request(
        self, method: str, path: str = "/score", *, body: Any = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send any request, as it would come over HTTP; a status of any kind is a Response.

        path: with the query, percent-encoded. body: as `payload` of `score`.

        Raises:
            NotReady: if the service has been closed.
        """
        return self._process.run(self._exchange(self._message(method, path, body, headers or {})))

    def health(self) -> bool:
        """Whether GET / says that the service takes calls."""
        return self.request("GET", "/").status == 200

    def _message(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> HttpRequest:
        content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json_text.dumps(body)
        pairs = [(name.lower(), value) for name, value in headers.items()]
        if content and "content-length" not in dict(pairs):
            pairs.append(("content-length", str(len(content))))
        where, _, query = path.partition("?")
        fault = BodyTooLarge(self._site.max_body) if len(content) > self._site.max_body else None
        return HttpRequest(
            method=method,
            path=unquote(where),
            query=query.encode("latin-1"),
            headers=Headers.of(pairs),
            body=content if fault is None else b"",
            client="127.0.0.1",
            fault=fault,
        )

    async def _exchange(self, request: HttpRequest) -> Response:
        """Handle a request and read the answer, all in one context: the request's."""
        answer = await self._site.app.handle(request)
        body, broken = answer.body, ""
        if not isinstance(body, bytes):
            body, broken = await _read(body, wanted=request.method != "HEAD")
        body = b"" if request.method == "HEAD" else body
        return Response(answer.status, tuple(answer.headers), body, self._failures.take(), broken)


async def _read(pieces: AsyncIterator[bytes], *, wanted: bool) -> tuple[bytes, str]:
    """The pieces of a stream together, and what broke it, if anything did."""
    taken: list[bytes] = []
    try:
        while wanted:
            taken.append(await anext(pieces))
    except StopAsyncIteration:
        pass
    except Exception as problem:
        return b"".join(taken), f"the stream broke off: {problem}"
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
    return b"".join(taken), ""


class Failures(LogObserver):
    """Writes the log, and keeps the tracebacks of run() for whoever sent the request."""

    def __init__(self) -> None:
        super().__init__()
        self._tracebacks: dict[str, str] = {}
        self.notices: list[str] = []

    def noticed(self, service: str, message: str) -> None:
        """A warning."""
        super().noticed(service, message)
        self.notices.append(message)

    def run_failed(self, service: str, error: ScoringHostError, traceback: str) -> None:
        """The failure with the user's traceback."""
        super().run_failed(service, error, traceback)
        self._tracebacks[request_id.get()] = traceback

    def take(self) -> str:
        """The traceback of the request that is handled here; empty if its run() has not failed."""
        return self._tracebacks.pop(request_id.get(), "")


@contextlib.contextmanager
def serve(
    script: str | os.PathLike[str] = ENTRY_FILE, *, environ: Mapping[str, str] | None = None, **settings: object
) -> Iterator[Client]:
    """Serve an entry script inside this process for as long as the `with` block lasts.

    script: the entry script, or a folder with score.py. environ: what settings are read from; if not
    given `os.environ`, without what a host has set there. settings: any field of
    `scoringhost.settings.Settings`, as `nan="literal"`.

    init() runs on the scoring thread before the block is entered and shutdown() after it, unless a
    run() is still going on 5 seconds later (half a second, if the block ends in an exception). What the
    script needs of the process (environment variables, the import path), what it has changed there
    itself up to the end of init(), and the modules that it imported from its own folder are taken back
    then. Logging and `sys.stdout` are left as they are.

    Raises:
        TypeError: if there is no setting of that name.
        StartupError: if a setting or the script cannot be used, or init() fails.
    """
    loaded = assemble.settings_of(os.fspath(script), os.environ if environ is None else environ, settings)
    with serving(loaded) as client:
        yield client


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Client]:
    """Serve with settings that have been loaded; as `serve` otherwise. Raises StartupError."""
    prepared = assemble.prepare_script(settings, os.environ)
    with contextlib.ExitStack() as closing:
        closing.callback(prepared.undo)
        failures = Failures()
        try:
            site = assemble.build(settings, failures)
            for service in site.host:
                closing.callback(service.script.unload)
            process = Process(site)
            closing.push(lambda kind, *_: process.close(PATIENCE_S if kind is None else HURRY_S))
            process.init()
        finally:
            prepared.environment.settle()
        yield Client(site, process, failures)
