"""Requests to an entry script that is served in this process, without a socket; `scoringhost.testing` is its face.

A request goes the way of a served one from the HTTP application on: request ids, content types,
decoding, the scoring thread, limits, encoding. Only the server and its socket are left out.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

from scoringhost import assemble
from scoringhost.client.answers import JSON, NoSample, Response
from scoringhost.client.requests import Request, under_its_name
from scoringhost.dialects.made import description_of
from scoringhost.engine.engine import Engine
from scoringhost.engine.last_job import HURRY_S
from scoringhost.engine.process import PATIENCE_S, Process
from scoringhost.errors import BodyTooLarge, ScoringHostError
from scoringhost.http.messages import Headers, HttpRequest, close_body
from scoringhost.kernel.call import request_id
from scoringhost.kernel.service import Service
from scoringhost.process.environment import lend
from scoringhost.schema.declared import takes_rows
from scoringhost.script.description import Description
from scoringhost.settings import Settings
from scoringhost.telemetry.log_observer import LogObserver


class Client:
    """Sends requests to an entry script that is served in this process."""

    def __init__(self, process: Process, failures: Failures) -> None:
        self._site, self._process, self._failures = process.engine.site, process, failures

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

    @property
    def description(self) -> Description:
        """What the script says about its run()."""
        return description_of(self.service)

    def sample(self) -> Any:
        """The script's sample of its input: what request.json beside it holds, or else what its decorators show.

        Raises:
            NoSample: if there is neither.
        """
        sample = self.description.sample
        if sample is None:
            raise NoSample
        return sample

    def score(self, payload: Any = ..., *, content_type: str = JSON, headers: Mapping[str, str] | None = None) -> Any:
        """POST a payload to /score and answer the decoded result, a stream's as a whole.

        payload: bytes and text are sent as they are, anything else as JSON; an array or a frame under the name of the
        one input that takes rows, if the script declares it. The script's own sample if it is left out.

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
        body = under_its_name(body, self._names_of_tables)
        request = Request.of(method, path, body, headers or {})
        return self._process.run(self._exchange(self._received(request)))

    def _names_of_tables(self) -> list[str]:
        parameters = self.service.signature.parameters
        return [one.name for one in parameters if one.declared is not None and takes_rows(one.declared.type)]

    def health(self) -> bool:
        """Whether GET / says that the service takes calls."""
        return self.request("GET", "/").status == 200

    def _received(self, request: Request) -> HttpRequest:
        """The request as a server would have read it."""
        content = request.body
        pairs = [(name.lower(), value) for name, value in request.headers]
        if content and "content-length" not in dict(pairs):
            pairs.append(("content-length", str(len(content))))
        where, _, query = request.path.partition("?")
        fault = BodyTooLarge(self._site.max_body) if len(content) > self._site.max_body else None
        return HttpRequest(
            method=request.method,
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
        streamed = not isinstance(answer.body, bytes)
        return Response(answer.status, tuple(answer.headers), body, self._failures.take(), broken, streamed)


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
        await close_body(pieces)
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

    def refused(self, request: HttpRequest, error: ScoringHostError, status: int) -> None:
        """Nothing: whoever has sent the request is here, and reads the answer."""

    def take(self) -> str:
        """The traceback of the request that is handled here; empty if its run() has not failed."""
        return self._tracebacks.pop(request_id.get(), "")


@contextlib.contextmanager
def serving(settings: Settings, variables: Mapping[str, str] | None = None) -> Iterator[Client]:
    """Serve with settings that have been loaded; as `scoringhost.testing.serve` otherwise. Raises StartupError.

    `variables`: what the script is to find in its environment besides.
    """
    world = assemble.world_of(settings)
    with contextlib.ExitStack() as closing:
        closing.callback(lend(os.environ, variables or {}).take_back)
        closing.callback(world.leave)
        world.enter(os.environ)
        failures = Failures()
        engine = Engine(partial(assemble.build, settings, failures, world), settings.threads)
        try:
            engine.load()
            process = Process(engine)
            closing.push(lambda kind, *_: process.close(PATIENCE_S if kind is None else HURRY_S))
            process.init()
        finally:
            world.settle()
        yield Client(process, failures)
